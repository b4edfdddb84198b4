"""`edgeae pick`: the best bundle within limits, or the nearest miss."""
