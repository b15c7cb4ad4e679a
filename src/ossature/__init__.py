"""A harness for spec-driven code generation."""
