"""The engines of Osiris behind one protocol, the models they load, and how a service serves them."""
