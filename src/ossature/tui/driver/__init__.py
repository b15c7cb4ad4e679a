"""What goes over the wire: a terminal driver that sends only the cells that changed."""
