"""Where Redis keeps the live position and the window of recent batches: the keys, and the scripts that change them in one
step. Text only: writer and stream bring their own client.

    head     hash    epoch, position (of the newest batch), records and bytes (of the window)
    window   stream  an entry a batch, id `<position>-0`, field b = the LiveBatch without its position
    sizes    list    `<position>:<records>:<bytes>` a window entry, oldest first, so that trimming reads no bodies
    numbers  zset    `<number>:<batch id>` of a batch, score = position, kept longer than the window so that a redelivery
                     gets the same position (with the id, because a database restored from a backup gives a number again)

Positions are gapless within an epoch. A new epoch is a break in what positions promise: Redis lost its memory (the head is
gone) or a writer could not register a batch; viewers that resume across it get a gap event.
"""

from typing import Final

HEAD: Final = "{logstream:live}:head"
WINDOW: Final = "{logstream:live}:window"
SIZES: Final = "{logstream:live}:sizes"
NUMBERS: Final = "{logstream:live}:numbers"

FIELD_BATCH: Final = b"b"

# How many batches are remembered for redeliveries.
REMEMBERED_NUMBERS: Final = 100_000

# KEYS: head, window, sizes, numbers.
# ARGV: an epoch to use if a new one is needed, `1` to force a new one, window limits in records and bytes, batches to
#       remember; then for each batch its name (see batch_name), records, and LiveBatch bytes.
# Returns the epoch, then a position for each batch: the one it already has if its name is known.
APPEND: Final = """
local head, window, sizes, numbers = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local epoch = redis.call('HGET', head, 'epoch')
if not epoch or ARGV[2] == '1' then
  epoch = ARGV[1]
  redis.call('HSET', head, 'epoch', epoch)
end
local state = redis.call('HMGET', head, 'position', 'records', 'bytes')
local position, records, bytes = tonumber(state[1]) or 0, tonumber(state[2]) or 0, tonumber(state[3]) or 0
local answer = {epoch}
for i = 6, #ARGV, 3 do
  local known = redis.call('ZSCORE', numbers, ARGV[i])
  if known then
    answer[#answer + 1] = tonumber(known)
  else
    position = position + 1
    local size = #ARGV[i + 2]
    redis.call('XADD', window, position .. '-0', 'b', ARGV[i + 2])
    redis.call('RPUSH', sizes, position .. ':' .. ARGV[i + 1] .. ':' .. size)
    redis.call('ZADD', numbers, position, ARGV[i])
    records, bytes = records + tonumber(ARGV[i + 1]), bytes + size
    answer[#answer + 1] = position
  end
end
local oldest = nil
while records > tonumber(ARGV[3]) or bytes > tonumber(ARGV[4]) do
  if redis.call('LLEN', sizes) <= 1 then break end
  local gone, r, b = string.match(redis.call('LPOP', sizes), '(%d+):(%d+):(%d+)')
  records, bytes, oldest = records - tonumber(r), bytes - tonumber(b), tonumber(gone) + 1
end
if oldest then redis.call('XTRIM', window, 'MINID', oldest .. '-0') end
redis.call('ZREMRANGEBYSCORE', numbers, '-inf', position - tonumber(ARGV[5]))
redis.call('HSET', head, 'position', position, 'records', records, 'bytes', bytes)
return answer
"""

# Changes nothing. KEYS: window.
# ARGV: ids of the first and the last entry to read (backwards: of the last and the first), how many at most, how many bytes
#       of them at most, `1`: backwards; else `0`.
# Returns 0 and the entries; 1 and the entries when there may be more; 2 and none when one alone has more bytes than that.
READ: Final = """
local command = ARGV[5] == '1' and 'XREVRANGE' or 'XRANGE'
local from, left, found = ARGV[1], tonumber(ARGV[4]), {}
for i = 1, tonumber(ARGV[3]) do
  local entry = redis.call(command, KEYS[1], from, ARGV[2], 'COUNT', 1)[1]
  if not entry then return {0, found} end
  for _, text in ipairs(entry[2]) do left = left - #text end
  if left < 0 then return {i > 1 and 1 or 2, found} end
  found[i] = entry
  from = '(' .. entry[1]
end
return {1, found}
"""


def batch_name(number: int, batch_id: bytes) -> str:
    """The name of a batch in `numbers`."""
    return f"{number}:{batch_id.hex()}"


def window_id(position: int) -> str:
    """The id of a batch's entry in the window."""
    return f"{position}-0"


def position_of(entry_id: bytes) -> int:
    """The position of the batch with this entry id."""
    return int(entry_id.split(b"-", 1)[0])
