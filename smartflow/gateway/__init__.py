"""The local gateway: a working Smartflow gateway for one machine."""
