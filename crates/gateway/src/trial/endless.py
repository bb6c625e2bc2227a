"""Never answers: what the gate has the gateway stop."""

from omega_plugin import Text, plugin


@plugin
def handle(text: Text) -> Text:
    """Goes on for ever."""
    while True:
        pass
