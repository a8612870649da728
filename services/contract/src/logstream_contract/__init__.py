"""What crosses the wire between logstream's services, as pure data and functions: no I/O, and never grpcio, which must
not enter the processes that run gevent."""
