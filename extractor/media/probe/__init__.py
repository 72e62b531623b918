"""What a file holds, found without decoding it: streams, packets, times, signs of truncation."""
