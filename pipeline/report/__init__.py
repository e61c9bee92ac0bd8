"""What a run tells: its progress, its summary, one sounding in words, and its picture."""
