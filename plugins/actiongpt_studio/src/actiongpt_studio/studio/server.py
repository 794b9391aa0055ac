"""The server: one panel and one session for each tab."""

from __future__ import annotations

import viser

from actiongpt_studio.pipelines import Choices, Pipelines
from actiongpt_studio.studio.panel import Panel
from actiongpt_studio.studio.session import Session


def serve(pipelines: Pipelines, choices: Choices, host: str, port: int) -> viser.ViserServer:
    """Start the studio; it runs in threads of its own until `stop` is called.

    Args:
        pipelines: Shared by all tabs.
        choices: What every tab starts with.
        host: Where to listen.
        port: Where to listen; the next free one is taken if it is not free.
    """
    server = viser.ViserServer(host=host, port=port, verbose=False)
    server.gui.configure_theme(show_logo=False, show_share_button=False)
    server.scene.set_up_direction("+z")
    server.scene.add_grid("/ground", width=12.0, height=12.0)
    server.initial_camera.position, server.initial_camera.look_at = (2.5, -3.6, 2.5), (0.0, 0.0, 0.9)
    panels: dict[int, Panel] = {}

    @server.on_client_connect
    def _(client: viser.ClientHandle) -> None:
        panels[client.client_id] = Panel(client, Session(pipelines, choices))

    @server.on_client_disconnect
    def _(client: viser.ClientHandle) -> None:
        if (panel := panels.pop(client.client_id, None)) is not None:
            panel.close()

    return server
