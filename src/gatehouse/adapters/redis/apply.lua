-- Applies one batch to the history of features: takes back what is owed, gives what is known, then counts.
--
-- KEYS: the state, the workers.
-- ARGV: prefix; the life that is meant ('' for the one that is); worker; its number of this call; milliseconds for which a
-- batch may be taken back or come again, and for which the state stays; which events may have been counted before: 'none',
-- those of a 'lost' worker's last batch, or 'any'; the latest time seen in the batch; for each event its mark and the
-- latest time seen up to it; how many tables; the last batch that the worker knows of.
-- Then for each table: milliseconds for which its values stay; bytes of a body; codes that are touched; how many bodies
-- each of them has (4 bytes); the bodies; folds. Then for each batch that is owed: the number of its call, and for each
-- table the codes where it counted.
--
-- A value is: stamp, cells of its base, base, records. A record is: batch, clock before it, body. A body begins with the
-- event's place in the batch. Cells are little-endian int64 and stay below 2^53 wherever this script counts with them.
local state, workers, prefix = KEYS[1], KEYS[2], ARGV[1]
local pack, sub, byte = struct.pack, string.sub, string.byte
local TABLE, FIRST, DAY = 6, 12, 86400000

local function cell(text, at)
  return (struct.unpack('<i8', text, at))
end

local function whole(number)
  return string.format('%.0f', number)
end

local function keys_of(head, codes, width)
  local keys = {}
  for i = 1, #codes, width do
    keys[#keys + 1] = head .. sub(codes, i, i + 7)
  end
  return keys
end

local values = {}
local function read(keys)
  for first = 1, #keys, 4000 do
    local last = math.min(first + 3999, #keys)
    local found = redis.call('MGET', unpack(keys, first, last))
    for i = first, last do
      values[keys[i]] = found[i - first + 1]
    end
  end
end

-- First all is read: what cannot be read ends the script while nothing is written.
local said = redis.call('HMGET', state, 'life', 'batch', 'clock', 'last')
local life = said[1]
if not life then
  return {'EMPTY'}
end
if ARGV[2] ~= '' and ARGV[2] ~= life then
  return {'OTHER', life}
end
if tonumber(said[2]) < tonumber(ARGV[11]) then
  -- It came back older than it was, from its own disk or as a replica that lagged: what is missing, nobody can say.
  redis.call('DEL', state, workers)
  return {'EMPTY'}
end
local worker, call, hold, marked = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[7]
local marks, tables = ARGV[9], tonumber(ARGV[10])
local batch, clock, last = tonumber(said[2]) + 1, tonumber(said[3]), tonumber(said[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local others = redis.call('HGETALL', workers)
local mine, gone, pending, is_pending = false, {}, {}, {}
for i = 1, #others, 2 do
  local its = others[i + 1]
  if others[i] == worker then
    mine = its
  elseif cell(its, 25) >= now - hold then
    pending[#pending + 1] = sub(its, 9, 16)
    is_pending[cell(its, 9)] = true
  elseif cell(its, 25) < now - hold - DAY then
    gone[#gone + 1] = others[i]
  end
end
if mine and call <= cell(mine, 1) then
  return {'LATE'}
end

local heads, touched = {}, {}
for t = 1, tables do
  local at = FIRST + (t - 1) * TABLE
  heads[t] = prefix .. life .. ':' .. t .. ':'
  touched[t] = keys_of(heads[t], ARGV[at + 2], 8)
  read(touched[t])
  local missing = {}
  for _, key in ipairs(touched[t]) do
    if not values[key] then
      missing[#missing + 1] = key
    end
  end
  for first = 1, #missing, 4000 do
    if redis.call('EXISTS', unpack(missing, first, math.min(first + 3999, #missing))) > 0 then
      return redis.error_reply('WRONGTYPE a key of the history holds something else')
    end
  end
end
local mark_keys = marked ~= 'none' and keys_of(prefix .. life .. ':i:', marks, 16) or {}
read(mark_keys)

local folds = {}
for t = 1, tables do
  local text, at = ARGV[FIRST + (t - 1) * TABLE + 5], 1
  while at <= #text do
    local size = cell(text, at + 24)
    folds[#folds + 1] = {
      key = heads[t] .. sub(text, at, at + 7),
      stamp = sub(text, at + 8, at + 15),
      absorbed = cell(text, at + 16),
      base = sub(text, at + 32, at + 31 + size),
    }
    at = at + 32 + size
  end
end
local owed = {}
for at = FIRST + tables * TABLE, #ARGV, 1 + tables do
  if mine and tonumber(ARGV[at]) == cell(mine, 1) and cell(mine, 9) > 0 then
    for t = 1, tables do
      owed[t] = keys_of(heads[t], ARGV[at + t], 8)
      read(owed[t])
    end
  end
end
local also = {}
for _, fold in ipairs(folds) do
  also[#also + 1] = fold.key
end
read(also)

-- Then what is to be written is worked out.
local anew = {}

-- The value without the records of one batch, or false where nothing is left; true where they were folded already.
local function without(value, wanted, width)
  local first, stop = 16 + 8 * cell(value, 9), #value
  while stop > first and cell(value, stop - width + 1) > wanted do
    stop = stop - width
  end
  local start = stop
  while start > first and cell(value, start - width + 1) == wanted do
    start = start - width
  end
  if start == stop then
    return value, true
  elseif start == first and stop == #value and first == 16 then
    return false, false
  end
  return pack('<i8', batch) .. sub(value, 9, start) .. sub(value, stop + 1), false
end

local kept = 0
if owed[1] then
  local wanted = cell(mine, 9)
  for t = 1, tables do
    for _, key in ipairs(owed[t]) do
      if values[key] then
        local value, late = without(values[key], wanted, tonumber(ARGV[FIRST + (t - 1) * TABLE + 1]) + 16)
        if late then
          kept = kept + 1
        else
          values[key], anew[key] = value, true
        end
      end
    end
  end
  if last == wanted then
    clock = cell(mine, 17)
  end
end
for _, fold in ipairs(folds) do
  local value = values[fold.key]
  if value and not anew[fold.key] and sub(value, 1, 8) == fold.stamp and #value >= fold.absorbed then
    values[fold.key] = pack('<i8i8', batch, #fold.base / 8) .. fold.base .. sub(value, fold.absorbed + 1)
    anew[fold.key] = true
  end
end

-- What another counted in a batch that may yet be taken back comes again because its worker was lost.
local again, repeated = {}, {}
for i, key in ipairs(mark_keys) do
  if values[key] and (marked == 'any' or is_pending[cell(values[key], 1)]) then
    again[i - 1] = true
    repeated[#repeated + 1] = pack('<i8', i - 1) .. values[key]
  end
end
local any_again = #repeated > 0
local answer = {'OK', life, batch, clock, table.concat(pending), kept, table.concat(repeated)}
for t = 1, tables do
  local out = {}
  for i, key in ipairs(touched[t]) do
    local value = values[key] or ''
    out[2 * i - 1], out[2 * i] = pack('<i8', #value), value
  end
  answer[7 + t] = table.concat(out)
end

-- Now all is written. Where Redis takes no writes, the first of them ends the script.
local comes = #marks > 0
local later = comes and math.max(clock, tonumber(ARGV[8])) or clock
redis.call('HSET', state, 'batch', whole(batch), 'clock', whole(later), 'last', whole(comes and batch or last))
redis.call('HSET', workers, worker, pack('<i8i8i8i8', call, comes and batch or 0, clock, now))
redis.call('PEXPIRE', state, ARGV[6])
redis.call('PEXPIRE', workers, ARGV[6])
for _, other in ipairs(gone) do
  redis.call('HDEL', workers, other)
end
local stamp, opening = pack('<i8i8', batch, clock), pack('<i8i8', batch, 0)
for t = 1, tables do
  local at = FIRST + (t - 1) * TABLE
  local stays, width, counts, bodies, from = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 3], ARGV[at + 4], 1
  for i, key in ipairs(touched[t]) do
    local a, b, c = byte(counts, 4 * i - 3, 4 * i - 1)
    local records = {}
    for _ = 1, a + 256 * b + 65536 * c do
      if not any_again or not again[cell(bodies, from)] then
        records[#records + 1] = stamp
        records[#records + 1] = sub(bodies, from, from + width - 1)
      end
      from = from + width
    end
    if records[1] then
      redis.call('SET', key, (values[key] or opening) .. table.concat(records), 'PX', stays)
      anew[key] = nil
    end
  end
end
for key in pairs(anew) do
  if values[key] then
    redis.call('SET', key, values[key], 'KEEPTTL')
  else
    redis.call('DEL', key)
  end
end
for i, key in ipairs(mark_keys) do
  if not again[i - 1] then
    redis.call('SET', key, pack('<i8i8i8', batch, i - 1, clock) .. sub(marks, 16 * i - 7, 16 * i), 'PX', hold)
  end
end
return answer
