# SPDX-License-Identifier: AGPL-3.0-or-later
"""One address for all of AWS: SageMaker is ours, everything else moto's."""

from __future__ import annotations

import re
import threading
import traceback
from io import BytesIO
from typing import TYPE_CHECKING

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.wrappers import Request
from werkzeug.wrappers import Response as HttpResponse

from sagemaker_local import asynchronous, ecr, invoke, protocol, registry
from sagemaker_local.control import answer_call
from sagemaker_local.refusal import Refusal
from sagemaker_local.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

    from sagemaker_local.backend import Backend
    from sagemaker_local.protocol import Response

_INVOCATIONS = re.compile(r"/endpoints/(?P<name>[^/]+)/(?P<kind>(?:async-)?invocations)")
_TARGET = "SageMaker."
_SCOPE = re.compile(r"Credential=[^/]+/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/")
_CONDITIONS = frozenset(("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"))
DEFAULT_REGION = "us-east-1"


class Application:
    """The WSGI application."""

    def __init__(self) -> None:
        self.backend: Backend | None = None
        self.runtime: invoke.Runtime | None = None
        self.registry: Registry | None = None
        self._layers = ecr.Layers()
        self._conditional = threading.Lock()
        self._moto = DomainDispatcherApplication(create_backend_app)

    def serve(self, backend: Backend, runtime: invoke.Runtime, region: str) -> None:
        """Begin to answer SageMaker's calls; images are pushed to a region's repositories."""
        self.backend, self.runtime = backend, runtime
        self.registry = Registry(backend.aws, self._layers, region)

    def close(self) -> None:
        """Forget what was uploaded."""
        self._layers.close()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        answer = self._own(request)
        if answer is None and not _CONDITIONS.isdisjoint(environ):
            with self._conditional:  # moto looks, and then writes; S3 does both at once
                return self._elsewhere(environ, start_response, request)
        if answer is None:
            return self._elsewhere(environ, start_response, request)
        http = HttpResponse(answer.body, answer.status, dict(answer.headers))
        return http(environ, start_response)

    def _own(self, request: Request) -> Response | None:
        """The answer to a call that is not moto's; None if it is."""
        scope = _SCOPE.search(request.headers.get("Authorization", ""))
        target = request.headers.get("X-Amz-Target", "")
        region = scope["region"] if scope else DEFAULT_REGION
        if target.startswith(_TARGET):
            return self._control(region, target.removeprefix(_TARGET), request.get_data())
        path = _INVOCATIONS.fullmatch(request.path)
        if path and request.method == "POST":
            body = request.get_data()
            wanted = invoke.Invocation(path["name"], body, dict(request.headers))
            return self._invoke(region, wanted, is_async=path["kind"] != "invocations")
        if scope and scope["service"] == "sagemaker":
            unknown = Refusal("UnknownOperationException", f"{request.path} is not served here")
            return protocol.render_refusal(unknown)
        return self._of_ecr(request, region, target)

    def _of_ecr(self, request: Request, region: str, target: str) -> Response | None:
        """The answer to what moto's ECR lacks."""
        url = request.host_url.rstrip("/")
        if request.path.startswith(ecr.PATH):
            digest = request.path.removeprefix(ecr.PATH)
            return self._layers.download(digest, request.headers.get("Range", ""))
        if self.registry and request.path.startswith(registry.PATH):
            return self.registry.answer(request)
        match target.removeprefix(ecr.TARGET):
            case "GetDownloadUrlForLayer":
                return self._layers.locate(request.get_data(), url)
            case "GetAuthorizationToken" if self.registry and region == self.registry.region:
                return ecr.authorization(url)
        return None

    def _elsewhere(
        self, environ: WSGIEnvironment, start_response: StartResponse, request: Request
    ) -> Iterable[bytes]:
        """The answer of moto."""
        target = request.headers.get("X-Amz-Target", "")
        if target.startswith(ecr.TARGET):
            body = self._layers.changed(target.removeprefix(ecr.TARGET), request.get_data())
            environ["wsgi.input"] = BytesIO(body)
            environ["CONTENT_LENGTH"] = str(len(body))
        try:
            return self._moto(environ, start_response)  # type: ignore[no-any-return]  # untyped
        except (
            NotImplementedError
        ) as err:  # a call that moto lacks, such as SimulatePrincipalPolicy
            http = HttpResponse(*protocol.render_unknown(str(err), is_json=bool(target)))
            return http(environ, start_response)

    def _control(self, region: str, operation: str, body: bytes) -> Response:
        assert self.backend
        try:
            return answer_call(self.backend, self.backend.region(region), operation, body)
        except Refusal as err:
            return protocol.render_refusal(err)
        except Exception as err:  # noqa: BLE001 - whoever called must see it, and tests as well
            self.backend.bugs.append(traceback.format_exc())
            return protocol.render_failure(err)

    def _invoke(self, region: str, wanted: invoke.Invocation, *, is_async: bool) -> Response:
        assert self.backend
        assert self.runtime
        try:
            where = self.backend.region(region)
            if is_async:
                return asynchronous.accept(self.backend, where, wanted)
            return self.runtime.invoke(where, wanted)
        except Refusal as err:
            return invoke.render_refusal(err)
        except Exception as err:  # noqa: BLE001
            self.backend.bugs.append(traceback.format_exc())
            return protocol.render_failure(err)
