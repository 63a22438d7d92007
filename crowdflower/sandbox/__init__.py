"""A crowd on your own machine that speaks the API of the hosted one."""
