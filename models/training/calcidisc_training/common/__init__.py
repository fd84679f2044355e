"""What every training shares: moving average, processes, runtimes, export."""
