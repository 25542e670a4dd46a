"""What the app keeps to itself, and what it asks others for."""

import requests
from cryptography.fernet import Fernet


def sealed(secret: bytes) -> bytes:
    return Fernet(Fernet.generate_key()).encrypt(secret)


def shop_is_open() -> bool:
    try:
        return requests.get("http://localhost:9/", timeout=1).ok
    except requests.RequestException:
        return False
