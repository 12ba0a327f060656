# SPDX-License-Identifier: GPL-2.0-or-later
"""Errors as AWS's services answer them, and the XML each protocol wraps them in."""

from __future__ import annotations

from xml.sax.saxutils import escape

# Namespace of the error document of each service that speaks AWS Query or REST XML.
_NAMESPACES = {
    "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
    "iam": "https://iam.amazonaws.com/doc/2010-05-08/",
    "elasticloadbalancing": "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
    "route53": "https://route53.amazonaws.com/doc/2013-04-01/",
}


class AwsError(Exception):
    """An error answer: HTTP status, AWS code and message.

    With `listed` messages the document is named after the code, as in older answers of Route 53.
    """

    def __init__(
        self, code: str, message: str, status: int = 400, listed: list[str] | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.listed = listed

    def body(self, service: str, request_id: str) -> bytes:
        """The XML document in which `service` sends this error."""
        if service == "ec2":
            text = (
                '<?xml version="1.0" encoding="UTF-8"?>\n'
                f"<Response><Errors><Error><Code>{escape(self.code)}</Code>"
                f"<Message>{escape(self.message)}</Message></Error></Errors>"
                f"<RequestID>{request_id}</RequestID></Response>"
            )
        else:
            fault = "Receiver" if self.status >= 500 else "Sender"
            namespace = _NAMESPACES.get(service)
            attribute = f' xmlns="{namespace}"' if namespace else ""
            if self.listed is not None:
                return self._list(attribute, request_id)
            text = (
                '<?xml version="1.0" encoding="UTF-8"?>\n'
                f"<ErrorResponse{attribute}><Error><Type>{fault}</Type>"
                f"<Code>{escape(self.code)}</Code><Message>{escape(self.message)}</Message>"
                f"</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
            )
        return text.encode()

    def _list(self, attribute: str, request_id: str) -> bytes:
        messages = "".join(f"<Message>{escape(item)}</Message>" for item in self.listed)
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<{self.code}{attribute}><Messages>{messages}</Messages>"
            f"<RequestId>{request_id}</RequestId></{self.code}>"
        ).encode()


def throttled(service: str) -> AwsError:
    """What a service says when a client exceeds its request rate."""
    if service == "ec2":
        return AwsError("RequestLimitExceeded", "Request limit exceeded.", 503)
    return AwsError("Throttling", "Rate exceeded", 400)


def unavailable(service: str) -> AwsError:
    """HTTP 503 of a service that has no capacity at the moment."""
    code = "Unavailable" if service == "ec2" else "ServiceUnavailable"
    message = "The service is unavailable. Please try again shortly."
    return AwsError(code, message, 503)


def prior_request() -> AwsError:
    """Route 53 is still busy with an earlier change of the same zone."""
    message = "The request was rejected because Route 53 was still processing a prior request."
    return AwsError("PriorRequestNotComplete", message, 400)


def internal() -> AwsError:
    """HTTP 500 of a service that failed."""
    return AwsError("InternalError", "An internal error has occurred", 500)
