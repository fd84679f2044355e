-- Orthanc sends lumbar MR and CT to Calcidisc when a series has become stable, and never sends a report back; a report
-- that comes from Calcidisc leaves its flag in the study's metadata, where REST and Explorer show it.
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
  -- Send images for quality control (0028,0300) and of phantoms.
  sendQualityControl = false,
  -- Metadata of the study; names for the numbers can be given in Orthanc's configuration (UserMetadata).
  flagMetadata = '4410',
  conclusionMetadata = '4411',
  revisionMetadata = '4412',
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

local PHANTOM = { ' PHANTOM', ' QA ', ' QC ', ' ACR ', ' TESTOBJ' }

-- Quality control stands in the images, a phantom in the names that people give it.
local function isQualityControl(seriesId, seriesText)
  local instances = ParseJson(RestApiGet('/series/' .. seriesId))['Instances']
  local tags = ParseJson(RestApiGet('/instances/' .. instances[1] .. '/simplified-tags'))
  if tags['QualityControlImage'] == 'YES' then return true end
  return names(plain({ tags['PatientName'] or '', tags['PatientID'] or '' }) .. seriesText, PHANTOM)
end

-- Why a series is not sent, or nil when it is.
local function reasonAgainst(seriesId, tags, studyTags, remoteAet)
  if remoteAet == SETTINGS.aeTitle then return 'it came from Calcidisc' end
  if not READ[tags['Modality'] or ''] then return 'modality ' .. (tags['Modality'] or 'unknown') end
  local text = plain({
    tags['BodyPartExamined'] or '', tags['SeriesDescription'] or '', tags['ProtocolName'] or '',
    studyTags['StudyDescription'] or '',
  })
  if not SETTINGS.sendQualityControl and isQualityControl(seriesId, text) then return 'quality control or phantom' end
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
  local against = reasonAgainst(seriesId, tags, study['MainDicomTags'] or {}, metadata['RemoteAET'])
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

-- The text of the item with this concept, wherever in the tree.
local function textOf(items, concept)
  for _, item in ipairs(items or {}) do
    local name = (item['ConceptNameCodeSequence'] or {})[1] or {}
    if name['CodeValue'] == concept and item['TextValue'] then return item['TextValue'] end
    local below = textOf(item['ContentSequence'], concept)
    if below then return below end
  end
  return nil
end

-- The conclusion's first sentence as a flag that rules and lists can compare.
local function flagOf(conclusion)
  if string.find(conclusion, 'levels not confirmed', 1, true) then
    return string.find(conclusion, ' flagged in 0 of', 1, true) and 'uncertain' or 'flagged, levels not confirmed'
  end
  if string.find(conclusion, '^No %w+ flagged') then
    return string.find(conclusion, 'discs', 1, true) and 'uncertain' or 'none flagged'
  end
  if string.find(conclusion, ' flagged at ', 1, true) then return 'flagged' end
  return 'no result'
end

local function metadataOf(study, number)
  local set = ParseJson(RestApiGet('/studies/' .. study .. '/metadata?numeric&expand'))
  for key, value in pairs(set) do
    if tostring(key) == number then return value end
  end
  return nil
end

function OnStoredInstance(instanceId, tags, metadata)
  if tags['Modality'] ~= 'SR' or tags['Manufacturer'] ~= 'Calcidisc' then return end
  local report = ParseJson(RestApiGet('/instances/' .. instanceId .. '/simplified-tags'))
  local conclusion = textOf(report['ContentSequence'], '121077')
  if conclusion == nil then return end
  local study = ParseJson(RestApiGet('/instances/' .. instanceId .. '/study'))['ID']
  -- Of two revisions the newer one counts, whichever comes last.
  local revision = tonumber(report['InstanceNumber']) or 1
  if (tonumber(metadataOf(study, SETTINGS.revisionMetadata) or '0') or 0) > revision then return end
  RestApiPut('/studies/' .. study .. '/metadata/' .. SETTINGS.flagMetadata, flagOf(conclusion))
  RestApiPut('/studies/' .. study .. '/metadata/' .. SETTINGS.conclusionMetadata, conclusion)
  RestApiPut('/studies/' .. study .. '/metadata/' .. SETTINGS.revisionMetadata, tostring(revision))
  PrintRecursive('Calcidisc: study ' .. study .. ': ' .. flagOf(conclusion))
end
