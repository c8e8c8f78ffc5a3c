"""Runs an AWS Lambda handler: the client side of the Lambda Runtime API, over a Unix socket.

Standard library only, written for short start-up and few system calls. The request for the next event
is sent together with the answer to the last one, so an idle worker sleeps in one recv().

Started with -S, since `site` costs as much as all else: what it does is done here, the rare parts when
first needed. Likewise json, logging and traceback are imported when the handler imports them or fails.
"""
import os
import sys
import time
from _signal import SIGTERM, signal  # the module `signal` imports enum: 4 ms
from _socket import AF_UNIX, SOCK_STREAM, socket  # the module `socket` costs 2 ms

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
    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")

    def __init__(self, given):
        self.cognito_identity_id = given.get("cognitoIdentityId")
        self.cognito_identity_pool_id = given.get("cognitoIdentityPoolId")


class Client:
    __slots__ = ("installation_id", "app_title", "app_version_name", "app_version_code",
                 "app_package_name")

    def __init__(self, given):
        for name in self.__slots__:
            setattr(self, name, given.get(name))


class ClientContext:
    __slots__ = ("client", "custom", "env")

    def __init__(self, given):
        client = given.get("client")
        self.client = Client(client) if isinstance(client, dict) else None
        self.custom = given.get("custom")
        self.env = given.get("env")


def given_json(head, name):
    """The JSON object in that header, or None: it was written by whoever calls the function."""
    text = header(head, name)
    if not text:
        return None
    try:
        value = decode(text.decode())
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


class LambdaContext:
    """What a handler gets as its second argument. What never changes is set once, in main()."""

    def __init__(self, request_id, head):
        self.aws_request_id = request_id
        self.invoked_function_arn = header(
            head, b"\r\nLambda-Runtime-Invoked-Function-Arn: ").decode()
        client = given_json(head, b"\r\nLambda-Runtime-Client-Context: ")
        self.client_context = ClientContext(client) if client is not None else None
        self.identity = CognitoIdentity(
            given_json(head, b"\r\nLambda-Runtime-Cognito-Identity: ") or {})
        self._epoch_deadline_time_in_ms = int(
            header(head, b"\r\nLambda-Runtime-Deadline-Ms: ") or 0)

    def get_remaining_time_in_millis(self):
        return max(self._epoch_deadline_time_in_ms - int(time.time() * 1000), 0)

    def log(self, message):
        sys.stdout.write(str(message))

    def __repr__(self):
        return "LambdaContext(" + ",".join(
            f"{name}={getattr(self, name, None)}" for name in (
                "aws_request_id", "log_group_name", "log_stream_name", "function_name",
                "memory_limit_in_mb", "function_version", "invoked_function_arn", "client_context",
                "identity")) + ")"


class RequestId:
    """Of the invocation under way, for log records."""
    value = ""


def add_log_handler(logging):
    """Log records and print() share one stream, so their order survives."""

    class LambdaLoggerHandler(logging.Handler):
        def emit(self, record):
            try:
                record.aws_request_id = RequestId.value
                sys.stdout.write(self.format(record) + "\n")
            except Exception:  # a bad format string must not fail the handler
                self.handleError(record)

    formatter = logging.Formatter(
        "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s",
        "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler = LambdaLoggerHandler()
    handler.setFormatter(formatter)
    logging.getLogger().addHandler(handler)


def find_spec(name, path=None, target=None):
    for finder in list(sys.meta_path):
        spec = finder.find_spec(name, path, target)
        if spec is not None:
            return spec
    return None


class LoggingFinder:
    """First of all finders until `logging` is imported, which then gets Lambda's handler."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name != "logging":
            return None
        sys.meta_path.remove(cls)
        spec = find_spec(name, path, target)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                add_log_handler(module)

            spec.loader.exec_module = exec_module
        return spec


class LatePathFiles:
    """Last of all finders: reads the .pth files of the installed packages once one is missing."""
    folders = []

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if path is not None:
            return None
        sys.meta_path.remove(cls)
        import site
        for folder in cls.folders:
            site.addsitedir(folder)
        return find_spec(name, path, target)


class EndpointFinder:
    """Lets botocore before 1.31 (Debian 12's) read AWS_ENDPOINT_URL_S3 and its like, as newer ones do,
    so that boto3.client("s3") finds the buckets here without a word about them in the handler."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name != "botocore.session":
            return None
        sys.meta_path.remove(cls)
        spec = find_spec(name, path, target)
        if spec is not None:
            execute = spec.loader.exec_module
            spec.loader.exec_module = lambda module: (execute(module), cls.mend(module.Session))
        return spec

    @staticmethod
    def mend(session_class):
        create = session_class.create_client

        def create_client(self, service_name, *args, **options):
            if len(args) < 5 and options.get("endpoint_url") is None:  # the sixth parameter
                variable = "AWS_ENDPOINT_URL_" + service_name.upper().replace("-", "_")
                options["endpoint_url"] = (os.environ.get(variable)
                                           or os.environ.get("AWS_ENDPOINT_URL"))
            return create(self, service_name, *args, **options)

        session_class.create_client = create_client


def add_site():
    """What the module `site` does at an interpreter's start, short of reading .pth files."""
    import builtins

    import site
    folder = os.path.dirname(sys.executable)
    if os.path.exists(os.path.join(os.path.dirname(folder), "pyvenv.cfg")):
        return site.main()  # it says where the packages are
    site.ENABLE_USER_SITE = False
    site.setquit()
    site.setcopyright()
    builtins.help = site._sitebuiltins._Helper()
    LatePathFiles.folders = [path for path in site.getsitepackages() if os.path.isdir(path)]
    sys.path += LatePathFiles.folders
    sys.meta_path.append(LatePathFiles)


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:  # replaced or closed by the handler: nothing to save
            pass


def format_frames(trace):
    if trace is None:
        return []
    import traceback
    return traceback.format_list(traceback.extract_tb(trace))


def error_payload(error, error_type=None, message=None, skip_frames=0, stack=True):
    """Lambda's shape of an error; skip_frames leaves out our own frames."""
    trace = error.__traceback__
    for _ in range(skip_frames):
        trace = trace.tb_next if trace else None
    frames = format_frames(trace) if stack else []
    error_type = error_type or type(error).__name__
    if message is None:
        try:
            message = str(error)
        except Exception:
            message = f"<{error_type} whose text cannot be made>"
    payload = {"errorMessage": message, "errorType": error_type, "stackTrace": frames}
    return error_type, encode(payload).encode()


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
        __import__(module_name)
        module = sys.modules[module_name]
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
        if file != OWN_FILE and not file.startswith("<frozen importlib"):
            break
        count, trace = count + 1, trace.tb_next
    return count


def start():
    """Loads the handler, or tells the engine why not and exits."""
    try:
        return load_handler(os.environ["_HANDLER"])
    except InitError as error:
        cause = error.cause
        frames = format_frames(cause.__traceback__)[own_frames(cause.__traceback__):] \
            if cause else []
        payload = encode({"errorMessage": str(error), "errorType": error.error_type,
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


class Scanning:
    """json.JSONDecoder's settings, for the scanner beneath it."""
    strict = True
    object_hook = object_pairs_hook = None
    parse_float, parse_int = float, int
    parse_constant = {"NaN": float("nan"), "Infinity": float("inf"),
                      "-Infinity": float("-inf")}.__getitem__
    memo = {}


def fast_codec():
    """json's loads and dumps without the module, whose import takes a third of a cold start."""
    import _json
    scan = _json.make_scanner(Scanning)

    def decode(text):
        try:
            value, end = scan(text, 0)
        except StopIteration:
            end = -1
        return value if end == len(text) else slow_codec()[0](text)  # says what is wrong

    def encode(value):
        return "".join(_json.make_encoder({}, encode_extra, _json.encode_basestring_ascii, None,
                                          ": ", ", ", False, False, False)(value, 0))

    if decode('{"a": [1, 2.5, "b\\u00e9"]}') != {"a": [1, 2.5, "b\xe9"]} \
            or encode({"a": [1, 2.5, "b\xe9", None]}) != '{"a": [1, 2.5, "b\\u00e9", null]}':
        raise ImportError("_json is not what it was")
    return decode, encode


def slow_codec():
    import json
    return json.loads, json.JSONEncoder(allow_nan=False, default=encode_extra).encode


try:
    decode, encode = fast_codec()
except Exception:  # another Python, with other internals
    decode, encode = slow_codec()


def invoke(handler, request_id, head, body):
    """Calls the handler; returns the requests that carry its answer and ask for the next event."""
    try:
        result = handler(decode(body.decode()), LambdaContext(request_id, head))
    except Exception as error:
        error_type, payload = error_payload(error, skip_frames=1)
    else:
        try:
            payload = encode(result).encode()
            flush()
            return RESPONSE % (request_id.encode(), len(payload), payload)
        except Exception as error:
            error_type, payload = error_payload(error, "Runtime.MarshalError",
                                                f"Unable to marshal response: {error}", stack=False)
    flush()
    return ERROR % (b"invocation/" + request_id.encode() + b"/error",
                    error_type.encode(errors="replace"), len(payload), payload) + NEXT


def serve(api, handler):
    last_trace = None
    api.send(NEXT)
    while True:
        status, head, body = api.receive()
        if status != b"200":
            raise Disconnected
        request_id = header(head, b"\r\nLambda-Runtime-Aws-Request-Id: ").decode()
        RequestId.value = request_id
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
    sys.path[0] = os.environ["LAMBDA_TASK_ROOT"]  # PYTHONPATH follows, then everything else
    add_site()
    for name, variable in (("function_name", "FUNCTION_NAME"),
                           ("function_version", "FUNCTION_VERSION"),
                           ("memory_limit_in_mb", "FUNCTION_MEMORY_SIZE"),
                           ("log_group_name", "LOG_GROUP_NAME"),
                           ("log_stream_name", "LOG_STREAM_NAME")):
        setattr(LambdaContext, name, os.environ.get("AWS_LAMBDA_" + variable))
    if "logging" in sys.modules:
        add_log_handler(sys.modules["logging"])
    else:
        sys.meta_path.insert(0, LoggingFinder)
    if any(name.startswith("AWS_ENDPOINT_URL") for name in os.environ):
        sys.meta_path.insert(0, EndpointFinder)
    handler = start()
    try:
        serve(RuntimeApi(os.environ["AE_RUNTIME_SOCKET"]), handler)
    except Disconnected:
        sys.exit(0)


OWN_FILE = main.__code__.co_filename

if __name__ == "__main__":
    main()
