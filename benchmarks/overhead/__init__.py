"""What a trial costs when its objective does nothing."""
