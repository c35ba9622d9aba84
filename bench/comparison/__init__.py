"""What bench/peers is made of: recorded runs, boundary samples, one measure of quality, and the report."""
