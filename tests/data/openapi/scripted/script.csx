// Only a program of the gateway can run this, so the operation that names it is left out.
