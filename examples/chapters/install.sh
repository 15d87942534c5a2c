# The package, and what its extras add. A gateway needs none of the providers' packages.
set -e
pip install smartflow-sdk
pip install "smartflow-sdk[all]"
pip install "smartflow-sdk[openai]"
pip install "smartflow-sdk[anthropic]"
# For programs that already use nest_asyncio; the sync client does not need it.
pip install "smartflow-sdk[nest]"
# From source.
pip install "git+https://github.com/SRAGroupTX/SmartflowV3.git#subdirectory=sdk/python"
