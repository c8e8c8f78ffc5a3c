"""Runs an AWS Lambda handler: the client side of the Lambda Runtime API, over a Unix socket.

Standard library only, written for short start-up and few system calls. The request for the next event
is sent together with the answer to the last one, so an idle worker sleeps in one recv().
"""
import importlib
import json
import logging
import os
import sys
import time
import traceback
from _socket import AF_UNIX, SOCK_STREAM, socket  # the module `socket` costs 2 ms to import
from signal import SIGTERM, signal

API = b"/2018-06-01/runtime"
NEXT = b"GET " + API + b"/invocation/next HTTP/1.1\r\nHost: runtime\r\n\r\n"
RESPONSE = (b"POST " + API + b"/invocation/%b/response HTTP/1.1\r\n"
            b"Host: runtime\r\nContent-Length: %d\r\n\r\n%b" + NEXT)
ERROR = (b"POST " + API + b"/%b HTTP/1.1\r\nHost: runtime\r\n"
         b"Lambda-Runtime-Function-Error-Type: %b\r\nContent-Length: %d\r\n\r\n%b")


class Disconnected(Exception):
    """The engine closed the socket: this worker is no longer wanted."""


class RuntimeApi:
    """One keep-alive connection to the engine, which spells its headers always the same way."""

    def __init__(self, address):
        self._socket = socket(AF_UNIX, SOCK_STREAM)
        self._socket.connect(address)
        self._buffer = b""

    def send(self, data):
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise Disconnected from error

    def receive(self):
        """Returns (status, head, body) of the next response, the first two as bytes."""
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            self._fill()
        head = self._buffer[:end]
        total = end + 4 + int(header(head, b"\r\nContent-Length: ") or 0)
        if len(self._buffer) < total:
            self._fill(total)
        body = self._buffer[end + 4:total]
        self._buffer = self._buffer[total:]
        return head[9:12], head, body

    def _fill(self, total=0):
        """One more piece, or as many as make `total` bytes."""
        pieces = [self._buffer]
        size = len(self._buffer)
        while True:
            try:
                data = self._socket.recv(max(65536, total - size))
            except OSError as error:
                raise Disconnected from error
            if not data:
                raise Disconnected
            pieces.append(data)
            size += len(data)
            if size >= total:
                break
        self._buffer = b"".join(pieces)


def header(head, name):
    """The value of the header whose line begins so ("\\r\\nName: "), or b""."""
    start = head.find(name)
    if start < 0:
        return b""
    start += len(name)
    end = head.find(b"\r\n", start)
    return head[start:] if end < 0 else head[start:end]


class CognitoIdentity:
    cognito_identity_id = None
    cognito_identity_pool_id = None


class LambdaContext:
    """What a handler gets as its second argument. What never changes is set once, in main()."""

    client_context = None

    def __init__(self, request_id, head):
        self.aws_request_id = request_id
        self.identity = CognitoIdentity()
        self.invoked_function_arn = header(
            head, b"\r\nLambda-Runtime-Invoked-Function-Arn: ").decode()
        self._deadline_ms = int(header(head, b"\r\nLambda-Runtime-Deadline-Ms: ") or 0)

    def get_remaining_time_in_millis(self):
        return max(self._deadline_ms - int(time.time() * 1000), 0)

    def log(self, message):
        sys.stdout.write(str(message))


class LambdaLogHandler(logging.Handler):
    """Log records and print() share one stream, so their order survives."""

    request_id = ""

    def __init__(self):
        super().__init__()
        formatter = logging.Formatter(
            "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s",
            "%Y-%m-%dT%H:%M:%S")
        formatter.converter = time.gmtime
        self.setFormatter(formatter)

    def emit(self, record):
        try:
            record.aws_request_id = self.request_id
            sys.stdout.write(self.format(record) + "\n")
        except Exception:  # a bad format string must not fail the handler
            self.handleError(record)


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:  # replaced or closed by the handler: nothing to save
            pass


def error_payload(error, error_type=None, message=None, skip_frames=0, stack=True):
    """Lambda's shape of an error; skip_frames leaves out our own frames."""
    trace = error.__traceback__
    for _ in range(skip_frames):
        trace = trace.tb_next if trace else None
    frames = traceback.format_list(traceback.extract_tb(trace)) if stack and trace else []
    error_type = error_type or type(error).__name__
    if message is None:
        try:
            message = str(error)
        except Exception:
            message = f"<{error_type} whose text cannot be made>"
    payload = {"errorMessage": message, "errorType": error_type, "stackTrace": frames}
    return error_type, json.dumps(payload).encode()


class InitError(Exception):
    def __init__(self, error_type, message, cause):
        super().__init__(message)
        self.error_type = error_type
        self.cause = cause


def load_handler(name):
    """Imports "module.function"; the module's path may be written with dots or slashes."""
    module_name, _, function_name = name.rpartition(".")
    if not module_name or not function_name:
        raise InitError("Runtime.MalformedHandlerName",
                        f"Bad handler '{name}': it must be written module.function", None)
    module_name = module_name.replace("/", ".")
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise InitError("Runtime.BuiltInModuleConflict",
                        f"Cannot use built-in module {module_name} as a handler module", None)
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise InitError("Runtime.ImportModuleError",
                        f"Unable to import module '{module_name}': {error}", error) from error
    except SyntaxError as error:
        raise InitError("Runtime.UserCodeSyntaxError",
                        f"Syntax error in module '{module_name}': {error}", error) from error
    handler = getattr(module, function_name, None)
    if not callable(handler):
        raise InitError("Runtime.HandlerNotFound",
                        f"Handler '{function_name}' missing on module '{module_name}'", None)
    return handler


def own_frames(trace):
    """How many frames come before the user's code: ours and the import machinery's."""
    count = 0
    while trace:
        file = trace.tb_frame.f_code.co_filename
        if file != __file__ and not file.startswith("<frozen importlib") \
                and file != importlib.__file__:
            break
        count, trace = count + 1, trace.tb_next
    return count


def start():
    """Loads the handler, or tells the engine why not and exits."""
    try:
        return load_handler(os.environ["_HANDLER"])
    except InitError as error:
        cause = error.cause
        frames = traceback.format_list(traceback.extract_tb(cause.__traceback__)[
            own_frames(cause.__traceback__):]) if cause else []
        payload = json.dumps({"errorMessage": str(error), "errorType": error.error_type,
                              "stackTrace": frames}).encode()
        error_type = error.error_type
    except Exception as error:  # the module's own code failed while it was imported
        error_type, payload = error_payload(error, skip_frames=own_frames(error.__traceback__))
    flush()
    api = RuntimeApi(os.environ["AE_RUNTIME_SOCKET"])
    api.send(ERROR % (b"init/error", error_type.encode(errors="replace"), len(payload), payload))
    api.receive()
    sys.exit(1)


def encode_extra(value):
    if type(value).__name__ == "Decimal":  # DynamoDB's numbers, which Lambda accepts
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


ENCODER = json.JSONEncoder(allow_nan=False, default=encode_extra)


def invoke(handler, request_id, head, body):
    """Calls the handler; returns the requests that carry its answer and ask for the next event."""
    try:
        result = handler(json.loads(body.decode()), LambdaContext(request_id, head))
    except Exception as error:
        error_type, payload = error_payload(error, skip_frames=1)
    else:
        try:
            payload = ENCODER.encode(result).encode()
            flush()
            return RESPONSE % (request_id.encode(), len(payload), payload)
        except Exception as error:
            error_type, payload = error_payload(error, "Runtime.MarshalError",
                                                f"Unable to marshal response: {error}", stack=False)
    flush()
    return ERROR % (b"invocation/" + request_id.encode() + b"/error",
                    error_type.encode(errors="replace"), len(payload), payload) + NEXT


def serve(api, handler, log_handler):
    last_trace = None
    api.send(NEXT)
    while True:
        status, head, body = api.receive()
        if status != b"200":
            raise Disconnected
        request_id = header(head, b"\r\nLambda-Runtime-Aws-Request-Id: ").decode()
        log_handler.request_id = request_id
        trace = header(head, b"\r\nLambda-Runtime-Trace-Id: ")
        if trace != last_trace:
            last_trace = trace
            os.environ["_X_AMZN_TRACE_ID"] = trace.decode()
        api.send(invoke(handler, request_id, head, body))
        api.receive()  # 202, or a refusal that the engine has already acted upon


def main():
    signal(SIGTERM, lambda *_: sys.exit(0))
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    sys.path[0] = os.environ["LAMBDA_TASK_ROOT"]
    for name, variable in (("function_name", "FUNCTION_NAME"),
                           ("function_version", "FUNCTION_VERSION"),
                           ("memory_limit_in_mb", "FUNCTION_MEMORY_SIZE"),
                           ("log_group_name", "LOG_GROUP_NAME"),
                           ("log_stream_name", "LOG_STREAM_NAME")):
        setattr(LambdaContext, name, os.environ.get("AWS_LAMBDA_" + variable))
    log_handler = LambdaLogHandler()
    logging.getLogger().addHandler(log_handler)
    handler = start()
    try:
        serve(RuntimeApi(os.environ["AE_RUNTIME_SOCKET"]), handler, log_handler)
    except Disconnected:
        sys.exit(0)


if __name__ == "__main__":
    main()
