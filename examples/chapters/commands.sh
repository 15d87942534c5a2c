# Sets the gateway up once, looks whether it can be reached, and asks it something.
# On a terminal, `smartflow configure` alone asks for everything that is given here.
set -e
printf '%s' "$KEY" | smartflow configure --non-interactive --gateway-url "$GATEWAY" --api-key-stdin
smartflow status
smartflow chat "Hello, which mode am I using?"
