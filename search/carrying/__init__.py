"""What carries the training of networks: threads of this process, processes of this machine, a Ray cluster."""
