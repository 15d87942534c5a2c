"""A program for OpenAI's own package that goes through the gateway: only the base URL and the key are others.

Start a gateway with `smartflow serve`, then: SMARTFLOW_GATEWAY_URL=http://localhost:7775 python openai_dropin.py
"""

import os
import sys

from openai import APIError, OpenAI


def main() -> None:
    gateway = os.environ.get("SMARTFLOW_GATEWAY_URL", "http://localhost:7775")
    client = OpenAI(
        base_url=f"{gateway}/v1",
        api_key=os.environ.get("SMARTFLOW_API_KEY", "sk-sf-your-virtual-key"),
    )
    response = client.chat.completions.create(
        model="gpt-4o",
        messages=[{"role": "user", "content": "Hello!"}],
    )
    print(response.choices[0].message.content)
    print(f"{response.usage.total_tokens} tokens")


if __name__ == "__main__":
    try:
        main()
    except APIError as error:
        # The package's own words for a gateway that is not there do not say where it was sought.
        sys.exit(f"openai_dropin: {type(error).__name__}: {error.request.url} cannot be reached or refused: {error}")
