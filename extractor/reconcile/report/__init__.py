"""The HTML report: statistics, thumbnails, and the page."""
