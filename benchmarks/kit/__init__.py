"""What the benchmarks are made with: figures, statistics, C programs compiled on demand."""
