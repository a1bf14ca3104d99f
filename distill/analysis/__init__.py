"""Reads run folders and reports what came out; it never trains."""
