-- Orthanc sends lumbar MR and CT to Calcidisc when a series has become stable, and never sends a report back.
--
-- In Orthanc's configuration (orthanc.example.json beside this file):
--   "LuaScripts": ["/etc/orthanc/calcidisc.lua"]
--   "DicomModalities": { "calcidisc": ["CALCIDISC", "127.0.0.1", 11112] }
-- Calcidisc decides by its own rules (route.mr, route.ct) what it reads; this script only keeps from it what is
-- certainly not for it. A series that comes in twice is sent twice: Calcidisc knows what it has.

local SETTINGS = {
  -- The name under DicomModalities.
  modality = 'calcidisc',
  -- Calcidisc's AE title: what comes from there is a result and is left alone.
  aeTitle = 'CALCIDISC',
  -- Send a series whose tags name no part of the body: many do not.
  sendUnknownRegion = true,
}

local READ = { MR = true, CT = true }

-- Compared in capitals, with every separator as one space and a space at either end.
local LUMBAR = {
  ' LSPINE', ' L SPINE', ' TLSPINE', ' LSP ', 'LUMB', ' LWS', 'LENDEN', 'LOMBA', 'LOMBO', ' LS ', ' LSWS', '腰',
}
local ELSEWHERE = {
  'BRAIN', 'HEAD', 'SKULL', 'NECK', ' CSPINE', ' C SPINE', 'CERVIC', ' HWS', ' TSPINE', ' T SPINE', 'THORA', ' BWS',
  'CHEST', 'KNEE', ' HIP', 'SHOULDER', 'ANKLE', 'WRIST', 'ELBOW', 'FOOT', 'HAND', 'BREAST', 'PROSTATE', 'HEART',
  'CARDIAC',
}

-- Series that could not be sent, and jobs under way: Orthanc's id of the job -> of the series.
local waiting = {}
local jobs = {}

local function names(text, words)
  for _, word in ipairs(words) do
    if string.find(text, word, 1, true) then return true end
  end
  return false
end

local function plain(texts)
  local text = string.upper(table.concat(texts, ' '))
  -- Bytes over 127 are letters of other scripts, not separators.
  return ' ' .. string.gsub(text, '[^%w\128-\255]+', ' ') .. ' '
end

-- Why a series is not sent, or nil when it is.
local function reasonAgainst(tags, studyTags, remoteAet)
  if remoteAet == SETTINGS.aeTitle then return 'it came from Calcidisc' end
  if not READ[tags['Modality'] or ''] then return 'modality ' .. (tags['Modality'] or 'unknown') end
  local text = plain({
    tags['BodyPartExamined'] or '', tags['SeriesDescription'] or '', tags['ProtocolName'] or '',
    studyTags['StudyDescription'] or '',
  })
  if names(text, LUMBAR) then return nil end
  if names(text, ELSEWHERE) then return 'another part of the body' end
  if not SETTINGS.sendUnknownRegion then return 'no part of the body is named' end
  return nil
end

local function send(seriesId)
  local request = DumpJson({ Resources = { seriesId }, Asynchronous = true }, true)
  local answer = ParseJson(RestApiPost('/modalities/' .. SETTINGS.modality .. '/store', request))
  jobs[answer['ID']] = seriesId
end

function OnStableSeries(seriesId, tags, metadata)
  -- Orthanc has no clock for scripts: what could not be sent goes with the next series that comes.
  local again = waiting
  waiting = {}
  for id in pairs(again) do
    if id ~= seriesId then send(id) end
  end

  local study = ParseJson(RestApiGet('/series/' .. seriesId .. '/study'))
  local against = reasonAgainst(tags, study['MainDicomTags'] or {}, metadata['RemoteAET'])
  if against then
    PrintRecursive('Calcidisc: series ' .. seriesId .. ' is not sent: ' .. against)
  else
    send(seriesId)
  end
end

function OnJobSuccess(jobId)
  jobs[jobId] = nil
end

function OnJobFailure(jobId)
  local seriesId = jobs[jobId]
  if seriesId == nil then return end
  jobs[jobId] = nil
  waiting[seriesId] = true
  PrintRecursive('Calcidisc: series ' .. seriesId .. ' could not be sent; it goes with the next one')
end
