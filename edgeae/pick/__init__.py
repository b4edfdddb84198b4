"""`edgeae pick`: chooses the best bundle within limits, or the nearest miss."""
