"""What needs neither sockets nor a clock: how a call is made, repeated, refused and read."""
