"""Where a server is, and what it is shown: its address, a login, an API key. None of it is in anything that is said."""

from __future__ import annotations

import functools
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import attrs

from actiongpt_core.errors import ConfigError, ProviderError
from actiongpt_core.text.cache_file import without_credentials

if TYPE_CHECKING:
    from openai import OpenAI

_LOG = logging.getLogger("actiongpt_core")
URL_VARIABLE = "OPENAI_BASE_URL"
KEY_VARIABLE = "OPENAI_API_KEY"
FILE_VARIABLE = "OPENAI_API_KEY_FILE"
#: What a server is shown where there is no key: the client needs something, and servers without keys read nothing.
_NO_KEY = "no-key"


@attrs.frozen
class Server:
    """A server that speaks the protocol of OpenAI."""

    url: str | None = None  #: base URL without user and password; None for OpenAI's own
    login: tuple[str, str] | None = attrs.field(default=None, repr=False)  #: user and password, of a proxy before it

    def __str__(self) -> str:
        return self.url or "OpenAI"


@attrs.frozen
class Access:
    """A server and the way to its key. The key is read for each request and kept nowhere.

    Nothing here that may raise an error has the key in a variable: tracebacks are shown with their variables.
    """

    server: Server
    key_file: Path | None = attrs.field(default=None, repr=False)  #: goes before the environment variables

    def check(self) -> None:
        """See whether there is a key, or none is needed.

        Raises:
            ProviderError: There is none, or not one that could be sent.
        """
        problem = self._read()[1]
        if problem:
            raise ProviderError(problem)

    def key(self) -> str | None:
        """The key, as it is now."""
        return self._read()[0]

    def hide(self, text: str) -> str:
        """A text of the server's without the key and the password, in case it repeats them."""
        for secret in (self.key(), self.server.login[1] if self.server.login else None):
            if secret and _is_secret(secret):
                text = text.replace(secret, "***")
        return text

    def connect(self, timeout: float, max_retries: int) -> OpenAI:
        """A client of the server, which threads may share. It has no key: each request gets it on its way."""
        import openai  # half a second that only its users pay

        login, read = self.server.login, self.key

        def authorise(request: Any) -> Any:
            request.headers["Authorization"] = f"Bearer {read() or _NO_KEY}"
            return request

        return openai.OpenAI(
            api_key=_NO_KEY,
            base_url=self.server.url,
            timeout=timeout,
            max_retries=max_retries,
            http_client=openai.DefaultHttpxClient(auth=login or authorise),
        )

    def _read(self) -> tuple[str | None, str]:
        """The key or None, and what is wrong."""
        named = os.environ.get(FILE_VARIABLE)
        if self.key_file is not None:
            return _key_of_file(self.key_file, "The API key file of the option key_file")
        if os.environ.get(KEY_VARIABLE, "").strip():
            return _checked(os.environ[KEY_VARIABLE], f"The environment variable {KEY_VARIABLE}")
        if named:
            return _key_of_file(Path(named), f"The API key file of the environment variable {FILE_VARIABLE}")
        if self.server.url is not None:
            return None, ""
        return None, (
            f"The provider 'openai' needs an API key: put it into the environment variable {KEY_VARIABLE}, or name a "
            f"file that holds it in {FILE_VARIABLE} or as the option key_file. A server of your own, named by "
            f"{URL_VARIABLE} or the option base_url, may need none. Without a language model use the provider 'pack' "
            f"or 'passthrough'."
        )


def read_server(base_url: str | None) -> Server:
    """The server of a base URL; None for that of the environment variable, else OpenAI's.

    Raises:
        ConfigError: It is no base URL. The message does not repeat it: a password may stand in it.
    """
    url = base_url or os.environ.get(URL_VARIABLE)
    if not url:
        return Server()
    if not _is_base_url(url):
        raise ConfigError(
            f"The base URL of the provider 'openai' (base_url or {URL_VARIABLE}) must look like "
            f"http://localhost:8080/v1 or https://user:password@example.org/v1, without a query; in user and password "
            f"the characters /?#@ are written as %2F %3F %23 %40."
        )
    user, colon, password = urlsplit(url).netloc.rpartition("@")[0].partition(":")
    return Server(without_credentials(url), (unquote(user), unquote(password)) if user or colon else None)


def _is_secret(text: str) -> bool:
    """Whether it is a key, and not a word that stands for one with a server that needs none, such as "anything"."""
    return len(text) >= 16 or (len(text) >= 8 and any(character.isdigit() for character in text))


def _is_base_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host_is_there = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    is_plain = not (parts.query or parts.fragment or "@" in parts.path or "@" in parts.netloc.rpartition("@")[0])
    return parts.scheme in ("http", "https") and host_is_there and is_plain


def _key_of_file(path: Path, where: str) -> tuple[str | None, str]:
    path = path.expanduser()
    try:
        _warn_of_readers(path)
        content = path.read_bytes().decode("utf-8-sig", errors="replace")
    except OSError as error:
        # The path is not repeated: some give the key itself for it.
        return None, f"{where} cannot be read ({error.strerror or type(error).__name__})."
    return _checked(content, where)


def _checked(text: str, where: str) -> tuple[str | None, str]:
    key = text.strip()
    if not key:
        return None, f"{where} is empty: the API key must stand there, alone."
    if len(key.splitlines()) > 1:
        return None, f"{where} has several lines: the API key must stand there alone, in one line."
    if not key.isascii() or not key.isprintable() or " " in key:
        return None, f"{where} holds spaces or characters that no API key has: the key must stand there alone."
    return key, ""


@functools.cache  # said once for each file
def _warn_of_readers(path: Path) -> None:
    mode = path.stat().st_mode if os.name == "posix" else 0
    if mode & 0o077:
        _LOG.warning("Others can read the API key file %s: it is used; shut it off with chmod 600.", path)
