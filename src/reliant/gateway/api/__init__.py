"""The API as callers know it: paths, bodies, event streams, and answers in the shapes that SDKs expect."""
