"""What a plugin author runs against a plugin: conformance suites and test doubles."""
