"""Data sets: the frames of many videos as WebDataset shards, with tables of the frames and the videos."""
