"""The bindings that componentize-py makes of the WIT worlds, with a gateway that records."""
