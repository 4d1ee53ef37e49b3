"""The methods of the socket, one file for each group; a new file is found by itself."""
