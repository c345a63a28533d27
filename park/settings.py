"""Settings: one frozen dataclass a room, read once, by the runtime.

Every value may be given as a flag, as an environment variable (PARK_ + upper case) or in a TOML file,
in that order of strength; `docs/settings.md` is generated from here.
"""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """How messages are taken in."""

    broker_host: str = ""  # "": a broker of our own on 127.0.0.1
    broker_port: int = 1883  # port of the broker, ours or the one elsewhere; 0: any that is free
    username: str = ""  # at the broker elsewhere; "": none
    password_file: str = ""  # a file with the password and nothing else
    client_prefix: str = "park"  # client ids are fixed, so that the broker keeps the session
    session_expiry: int = 7 * 86_400  # s that the broker keeps messages for us
    receive_maximum: int = 5_000  # messages of bulk that the broker sends ahead of our acknowledgements
    batch_nap: float = 0.100  # s the bulk reader rests after work, so that batches grow
    batch_messages: int = 4_000  # messages read at most before they are decoded
    max_payload: int = 1 << 20  # bytes; larger is refused
    far_future: int = 15 * 60_000  # ms ahead of receipt that a device clock may be
    far_past: int = 400 * 86_400_000  # ms behind receipt that it may be
    mqtt_version: int = 5  # 4 is MQTT 3.1.1, for brokers that know no better
    keepalive: int = 30  # s without a word after which the broker takes us for gone
    tls: bool = False  # speak TLS to the broker elsewhere
    tls_ca_file: str = ""  # "": the authorities that the system trusts
    tls_cert_file: str = ""  # ours, where the broker asks for one
    tls_key_file: str = ""  # the key of that certificate


@dataclass(frozen=True, slots=True)
class LogSettings:
    """How the segment logs are kept."""

    segment_bytes: int = 64 << 20  # of one file of a log; a new one is begun beyond it
    keep_bytes: int = 8 << 30  # of the bulk lane; older segments go once nobody needs them
    reserve_bytes: int = 64 << 20  # set aside on disk for the life-safety log


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """How time series are kept."""

    memory_rows: int = 4_000_000  # readings held in memory before they are written to a day file
    raw_days: int = 90  # days that readings are kept
    minute_days: int = 400  # days that rollups of a minute are kept
    quarter_days: int = 1_200  # of 15 minutes
    hour_days: int = 4_000  # of an hour
    day_days: int = 0  # of a park day; 0: for ever
    duckdb_memory: str = "1GB"  # that DuckDB may use, in its own words
    event_days: int = 400  # findings, and conditions that are over; 0: for ever
    attachment_bytes: int = 4 << 30  # of photographs and papers of one park's alarms, rounds and hazards


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """How people and programs reach us."""

    host: str = "127.0.0.1"  # address to serve on; 0.0.0.0: every one, and then keys are needed
    port: int = 8080  # of pages and API; 0: any that is free
    require_keys: bool | None = None  # left out: keys are needed unless we listen on loopback only
    live_buffer: int = 1_000  # events a slow live client may lag behind
    live_memory: int = 10_000  # events kept for clients that come back
    connections: int = 1_000  # at once; 500 of them may be live pages
    connections_each: int = 200  # of one address, but this machine's own: a proxy may stand there


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """How people are told of alarms."""

    webhook: str = ""  # an address that is told of every alarm, as JSON; "": none
    webhook_secret_file: str = ""  # a file with the secret that signs what it is told, and nothing else
    targets_file: str = ""  # a TOML file of [[target]] and [[officer]]; "": none
    public_url: str = ""  # of our pages, as people reach them: links in messages; "": no links
    private_networks: bool = False  # whether targets that are set up by API may be on private networks
    loopback: bool = False  # whether they may be on this machine
    charts: bool = True  # a picture of the point around the time, in mails
    link_key_file: str = ""  # of links that acknowledge, one file for all processes; "": the data folder's own


@dataclass(frozen=True, slots=True)
class CitySettings:
    """Where the engines of a city are, and how its logs are kept. `park run` needs none of it."""

    kafka: str = "127.0.0.1:9092"  # host:port of one or more brokers, separated by commas
    kafka_username: str = ""  # SCRAM-SHA-512; "": none
    kafka_password_file: str = ""  # a file with the password and nothing else
    kafka_tls: bool = False  # speak TLS to Kafka
    kafka_tls_ca_file: str = ""  # "": the authorities that the system trusts
    partitions: int = 4  # of each lane's topic, and of the events': parks are spread over them for good
    replication: int = 1  # copies of each partition; in production three: with two Kafka waits while one is away
    retention_hours: int = 168  # that Kafka keeps records
    retention_bytes: int = 8 << 30  # of one partition; whichever is reached first
    message_bytes: int = 8 << 20  # the largest record that a topic takes
    postgres_url_file: str = ""  # a file with the address of the database, as SQLAlchemy writes it, password included
    influx_url: str = "http://127.0.0.1:8086"  # of InfluxDB 2
    influx_token_file: str = ""  # a file with the token and nothing else
    influx_org: str = "park"  # organisation that owns the buckets
    share: str = "0/1"  # of `park ingest`: which of how many, counted from 0; each takes its partitions' parks
    lanes: str = "both"  # of `park worker`: life, bulk or both
    role_host: str = "127.0.0.1"  # where a role shows its health and figures
    role_port: int = 0  # 0: any that is free


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything."""

    data_dir: Path = Path("park-data")  # the folder in which everything is kept
    language: str = "zh"  # of the pages until a person chooses: zh or en
    ingest: IngestSettings = field(default_factory=IngestSettings)
    log: LogSettings = field(default_factory=LogSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    api: ApiSettings = field(default_factory=ApiSettings)
    delivery: DeliverySettings = field(default_factory=DeliverySettings)
    city: CitySettings = field(default_factory=CitySettings)
