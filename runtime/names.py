"""Names of the files in a data folder."""

DATABASE = "park.db"
SCENARIO = "simulation.json"  # what a simulated park is made from
UNTIL = "simulated-until"  # up to when its devices have spoken, and told amounts, epoch ms
LABELS = "labels.jsonl"  # what was injected into it, where and when
PARKS = "parks.json"  # the simulated parks of a city
FIRES = "fires"  # a file in it named after a unit sets that unit on fire
SPEAKING = "speaking"  # locked while its devices speak
ATTACHMENTS = "attachments"  # files that people attached to alarms, by digest
REFUSED_EVENTS = "refused-events.jsonl"  # events that no store would take
OUTGOING = "outgoing"  # files that are made to be given out
LINK_KEY = "links.key"  # what words of links in messages are derived from
FIRST_HEARD = "first-heard-{}-of-{}"  # what an ingester, by its share, told before it could log it
REGISTRY_COPY = "registry-{}-of-{}.db"  # what an ingester, by its share, knew of its city's database
