"""What a request asks for: parameters, time ranges, positions and cursors, and the client that waits. It knows no SQL."""
