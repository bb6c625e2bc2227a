"""Client of the OMEGA Plugin Gateway, sync and async. See :class:`PluginGateway` and :class:`AsyncPluginGateway`."""

from ._attempts import Retry
from ._following import FollowOptions
from .aio import AsyncPluginGateway
from .client import PluginGateway
from .errors import ClientErrorCode, GatewayError, GatewayErrorCode
from .payloads import binary_ref_payload, dataset_slice_payload, json_payload, result_of, text_payload

__all__ = [
    "AsyncPluginGateway",
    "ClientErrorCode",
    "FollowOptions",
    "GatewayError",
    "GatewayErrorCode",
    "PluginGateway",
    "Retry",
    "binary_ref_payload",
    "dataset_slice_payload",
    "json_payload",
    "result_of",
    "text_payload",
]
