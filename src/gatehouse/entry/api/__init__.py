"""The HTTP API: routes, who may use them, what they answer, and the process that serves them."""
