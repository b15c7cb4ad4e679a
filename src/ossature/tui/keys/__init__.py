"""What keys do: the table of actions, and a mixin of the app for each group of them."""
