"""Everything that knows the outside; imported by nobody."""
