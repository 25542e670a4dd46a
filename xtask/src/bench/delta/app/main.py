"""The app whose releases are patched: a window that shows what its libraries make of a few numbers."""

import sys

from PySide6.QtWidgets import QApplication, QLabel

from figures import Order, summary, thumbnail
from safe import sealed, shop_is_open


def main() -> int:
    app = QApplication(sys.argv)
    orders = [Order(name="tea", amount=3), Order(name="coffee", amount=1)]
    label = QLabel(f"{summary(orders)}\n{thumbnail().size}\n{sealed(b'secret')[:8]!r}\n{shop_is_open()}")
    label.setWindowTitle("Orders")
    label.show()
    return app.exec()


if __name__ == "__main__":
    sys.exit(main())
