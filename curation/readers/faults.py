"""What goes wrong with remote files, in words that name the address and nothing else.

The texts of the providers' libraries are not passed on: some quote requests, and requests carry keys and signatures.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from curation.errors import InputError, StudioError

_KEYS = {
    "s3": "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; for a public bucket FSSPEC_S3_ANON=true.",
    "gs": "Run 'gcloud auth application-default login', or set GOOGLE_APPLICATION_CREDENTIALS.",
    "az": "Set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, or AZURE_STORAGE_CONNECTION_STRING.",
    "hf": "Log in with 'hf auth login', or set HF_TOKEN; accept the terms of a gated dataset on its page.",
}
_PLACES = {"s3": "Check the network, and AWS_ENDPOINT_URL if it is set."}
_NO_KEYS = frozenset((
    "NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "ProfileNotFound",
    "DefaultCredentialsError", "RefreshError", "ClientAuthenticationError", "NoAuthTokenError", "TokenRetrievalError",
    "SSOError",
))  # fmt: skip
_FORBIDDEN = frozenset((
    "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "AllAccessDisabled",
    "AuthFailure", "AccountProblem", "403", "401", "Forbidden",
))  # fmt: skip
_NOTHING = frozenset(("NoSuchBucket", "NoSuchKey", "404", "ResourceNotFoundError", "EntryNotFoundError"))
_HUB_MISSING = frozenset(("RepositoryNotFoundError", "RevisionNotFoundError"))
_OFFLINE = frozenset(("OfflineModeIsEnabled", "LocalEntryNotFoundError"))


@contextmanager
def told(address: str) -> Iterator[None]:
    """Whatever the library raises about `address` (a dozen kinds, most of the network) becomes one InputError."""
    try:
        yield
    except StudioError:
        raise
    except Exception as error:
        # Not "from error": a traceback would print the library's text, and with it whatever that quotes.
        raise explained(address, error) from None


def explained(address: str, error: BaseException) -> InputError:
    """The typed error for what a library said about `address`."""
    scheme = address.partition("://")[0]
    family = "az" if scheme.startswith("abfs") else scheme
    chain = list(_chain(error))
    kinds = {kind.__name__ for each in chain for kind in type(each).__mro__}
    codes = {code for each in chain if (code := _code(each))}
    if kinds & _OFFLINE:
        return not_cached(address)
    if kinds & _NO_KEYS or (family == "az" and "ValueError" in kinds):  # which is how adlfs says that it has no account
        return InputError(f"there are no keys to read {address} with", _KEYS[family])
    if kinds & {"PermissionError", "GatedRepoError"} or codes & _FORBIDDEN:
        code = min(codes & _FORBIDDEN, default="")
        return InputError(f"{address} may not be read with these keys{f' ({code})' if code else ''}", _KEYS[family])
    if kinds & _HUB_MISSING:
        return InputError(f"there is no dataset behind {address}, or it is private", f"Check the name. {_KEYS['hf']}")
    if kinds & ({"FileNotFoundError"} | _NOTHING) or codes & _NOTHING:
        if "NoSuchBucket" in codes or "/" not in address.partition("://")[2].strip("/"):
            return InputError(f"there is no bucket behind {address}", "Check the name, and the region or endpoint.")
        return nothing(address)
    if kinds & {"FileExpired"}:
        return changing(address)
    return InputError(
        f"{address} cannot be read, after several tries: {_kind(chain)}",
        _PLACES.get(family, "Check the network, and try again."),
    )


def nothing(address: str) -> InputError:
    """The typed error for an address under which nothing lies."""
    return InputError(
        f"there is nothing at {address}", "Check the spelling; the beginning of a name needs a '*' behind it."
    )


def not_cached(address: str) -> InputError:
    """The typed error for a file of the Hub that is not on this disk and cannot come here."""
    return InputError(
        f"{address} is not in the Hub's cache, and cannot be fetched",
        "Check the network; with HF_HUB_OFFLINE=1 only what is already in the cache can be read.",
    )


def changing(address: str) -> InputError:
    """The typed error for a file that became another one while it was copied."""
    return InputError(f"{address} changed while it was read", "Wait until it is written, and try again.")


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    for _ in range(10):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or seen.__context__


def _code(error: BaseException) -> str:
    """The provider's short code, such as NoSuchBucket."""
    response = getattr(error, "response", None)
    if isinstance(response, dict) and isinstance(response.get("Error"), dict):
        return str(response["Error"].get("Code") or "")
    return str(getattr(error, "code", "") or "") if type(error).__name__ == "HttpError" else ""


def _kind(chain: list[BaseException]) -> str:
    """The name of what happened, without its text."""
    code = next((code for each in chain if (code := _code(each)) and code.isalnum()), "")
    return f"{type(chain[0]).__name__} {code}".rstrip()
