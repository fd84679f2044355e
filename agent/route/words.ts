/** What a text says of the body: the lumbar spine, the trunk about it, another part; null when it names none. */
export type NamedRegion = 'LUMBAR' | 'TRUNK' | 'OTHER';

/**
 * Upper case, without accents, words apart by one space, and one space at either end: so that a word is a word and no
 * part of one (MEDIC in MEDICAL, LUMB in COLUMBIA). A small letter before a capital ends a word (sT2W, RachisLombaire).
 */
export function wordsOf(text: string): string {
  const plain = text
    .replaceAll('ß', 'ss')
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/T2[\s_-]?(\*|STERN|STAR)/giu, ' T2STAR ')
    .replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
    .toUpperCase();
  const words = plain.match(/[\p{L}\p{N}]+/gu) ?? [];
  return ` ${words.join(' ').replace(SPINE_AND_MORE, '$1 ')} `;
}

/** Body parts written in one word: RACHISLOMBAIRE, COLUNALOMBAR, SPINELUMBAR. */
const SPINE_AND_MORE =
  /\b(RACHIS|RACHIDE|COLUMNA|COLUNA|COLONNA|SPINE|WERVELKOLOM|WIRBELSAEULE|WIRBELSAULE)(?=[A-Z]{3})/g;

/** Words of a body part that say nothing of what the picture shows: how the patient lies, coils, places of work. */
const BESIDE_THE_POINT: readonly RegExp[] = [
  /\b(HEAD|FEET|FOOT|ARMS?) FIRST\b|\b(KOPF|FUSS|FUESSE|BEINE) ?(VORAN|ZUERST)\b|\b(TETE|PIEDS) (PREMIERS?|PREMIERE|EN AVANT|D ABORD)\b/g,
  /\b(CABEZA|CABECA|TESTA|PIES|PES|PIEDI) (PRIMERO|PRIMERA|PRIMEIRO|PRIMEIRA|AVANTI|IN AVANTI)\b|\b(HOOFD|VOETEN) (EERST|VOORAN)\b/g,
  /\bDECUBIT(O|US) DORSAL(E|IS)?\b|\b(DORSAL|DORSALE) DECUBIT(O|US)\b|\bDORSAL RECUMBENT\b/g,
  /\b(HEAD|FOOT) (TO )?(FOOT|HEAD)\b/g,
  /\b(HEAD|NECK|HEAD AND NECK|HEAD NECK|HN|BODY|TORSO|CHEST|KNEE|SHOULDER|FOOT|WRIST|HAND|BREAST|CARDIAC|ABDOMEN|PELVIS|SPINE)( PHASED)?( ARRAY)? (COIL|COILS|SPULE|ANTENNE|BOBINE|BOBINA|SPOEL|HOLDER|REST|ARRAY)\b/g,
  /\b(KOPF|KNIE|HALS|KOERPER|KORPER|SCHULTER|FUSS|BRUST)SPULE\b/g,
  /\b(HEART|BRAIN|BREAST|HEAD|HAND|HIP|KNEE|FOOT|CHEST|SHOULDER|EYE|LUNG|CARDIAC|PELVIC)( (AND|INJURY|JOINT|DISEASE|TRAUMA|PAIN|SPORTS|VASCULAR|RESEARCH) ?\w*)? (CENTER|CENTRE|CLINIC|CLINICS|INSTITUTE|HOSPITAL|FOUNDATION|UNIT|SERVICES)\b/g,
  /\b(HERZ|BRUST|HIRN|KOPF|AUGEN|HAND)(ZENTRUM|KLINIK)\b|\bSACRED HEART\b|\bSACRE COEUR\b|\bHERZ JESU\b/g,
];

/** `L1`-`S1` pairs, and L with another letter of the spine before SPINE: L, L/S, T/L, C T L. */
const LUMBAR: readonly RegExp[] = [
  // English, and what all take over from Latin
  /\bLUMB\b|\bLUMBAR\w*|\bLUMBAL\w*|\bLUMBAAL\b|\bLUMBO\w*|\b(THORACO|THORAKO|TORACO|DORSO|TORAKO)LUMB\w*/,
  /\b([CTDS] ){0,3}L ([CTDS] ){0,2}(SP|SPINE|SPN)\b|\b(LS|TL|DL|CTL|LSS)(?= SP| SPINE)|\b(LS|TL|DL|CTL)?LSPINE\b|\b(L|LS|TL|DL|CTL)(SPINE|SPN|SP)\b/,
  /\bL[1-5] ?(L ?)?[1-5]\b|\bL ?[1-5] ?S ?1\b/,
  /\bL S\b|\bLS\b|\bLSWS\b/,
  // German
  /\bLWS\b|\bLWK\b|\bLENDEN\w*|\bKREUZLENDEN\w*/,
  // French, Italian, Portuguese
  /\bLOMB\b|\bLOMBAIRES?\b|\bLOMBAR(E|I|ES)?\b|\bLOMBALG\w*|\bLOMBO\w*|\b(DORSO|THORACO|TORACO)LOMB\w*/,
  // Dutch
  /\bLENDE\w*WERVEL\w*/,
  /腰/u,
];

/** Abdomen and pelvis: on MR another part; a CT of them shows the lumbar spine, or some of it. */
const TRUNK: readonly RegExp[] = [
  /\bABD\b|\bABDO\b|\bABDOM\w*|\bABDPEL\w*|\bPELVI\w*|\bPELVE\b|\bTRUNK\b|\bTORSO\b|\bKUB\b|\bTAP\b|\bCAP\b|\bUROGRA\w*|\bUROTC\b/,
  /\w*(?<!GESICHTS|SCHAEDEL)BAUCH\b|\bBAUCHRAUM\b|\bBECKEN(BODEN|RING|SCHAUFEL|GURTEL|GUERTEL)?\b|\bRUMPF\b/,
  /\bBASSIN\b|\bVENTRE\b|\bADDOME\b|\bBACINO\b|\bBACIA\b|\bABDOME\b|\bBUIK\b|\bBEKKEN\w*/,
  /\bCHESTABD\w*|\bAORTA\w*|\bAORTE\b/,
  /\bLIVER\b|\bHEPAT\w*|\bLEBER\w*|\bFOIE\b|\bHIGADO\b|\bFEGATO\b|\bFIGADO\b|\bPANCREAS\b|\bPANKREAS\b|\bMRCP\b|\bCPRM\b|\bKIDNEYS?\b|\bRENAL\w*|\bNIERE\w*|\bNIEREN\b|\bREINS\b|\bRENI\b|\bRIM\b|\bRINS\b/,
];

const OTHER: readonly RegExp[] = [
  // the spine above and below
  /\bCERVIC\w*|\bCERVIX\b|\bZERVI[KX]\w*|\bHALS(WIRBEL\w*|WERVEL\w*)?\b|\bHWS\b|\bHWK\b|\bCWK\b|\bCWZ\b|\bNECK\b|\bCOU\b|\bCUELLO\b|\bCOLLO\b|\bPESCOCO\b|\bNEK\b/,
  /\bTHORA\w*|\bTORAC\w*|\bTORAX\b|\bTORAK\w*|\bTHORAK\w*|\bDORSAL\w*|\bDORSO\b|\bBWS\b|\bBWK\b|\bBRUST(WIRBEL\w*|KORB|BEIN)?\b|\bTWK\b|\bTHWK\b|\bTHWS\b|\bDORSAAL\b|\bBORST(WERVEL\w*|KAS)?\b/,
  /\b(?:[CTDS] ){1,3}(SP|SPINE|SPN)\b|\b(?:C|T|D|S|TH|CTH)(?:SPINE|SPN|SP)\b|\bCTSPINE\b|\bTH SPINE\b/,
  /\bSACR(UM|AL|ALE|O|E|EE?|UMS)\b|\bSACRO ?ILI\w*|\bILIO ?SA[CK]R\w*|\bSI GEWRICHT\w*|\bSI GELENK\w*|\bSACROCOC\w*|\bSAKR\w*|\bKREUZBEIN\b|\bISG\b|\bSIJ\b|\bSI JOINTS?\b|\bCOCC?[YI]X\b|\bCOCCY\w*|\bSTEISS\w*|\bHEILIGBEEN\b|\bSTUIT\w*/,
  // the head
  /\bBRAIN(STEM)?\b|\bHEAD\b|\bSKULL\b|\bCRANI\w*|\bCRANE(O|AL|ALE)?\b|\bKRANI\w*|\bCEREBR\w*|\bCERVEAU\b|\bCERVELLO\b|\bENCEPH\w*|\bENCEF\w*|\bKOPF(SCHMERZ\w*|HALS)?\b|\bSCHAEDEL\w*|\bSCHADEL\w*|\bHIRN\w*|\bNEUROKRAN\w*|\bGEHIRN\w*|\bTETE\b|\bCABEZA\b|\bCABECA\b|\bTESTA\b|\bHERSEN\w*|\bHOOFD\w*|\bSCHEDEL\w*|\bKOP\b/,
  /\bSINUS\w*|\bNNH\b|\bSENOS\b|\bSENI\b|\bNEBENHOEHL\w*|\bNEBENHOHL\w*|\bORBIT\w*|\bAUGEN?\b|\bEYES?\b|\bFACE\b|\bFACIAL\w*|\bGESICHT\w*|\bMASSIF FACIAL\b|\bIAC\b|\bIAM\b|\bFELSENBEIN\w*|\bROCHERS?\b|\bMASTOID\w*|\bPITUIT\w*|\bSELLA\b|\bHYPOPH\w*|\bIPOFISI\b|\bHIPOF\w*|\bMANDIB\w*|\bMAXILL\w*|\bTMJ\b|\bATM\b|\bKIEFER\w*|\bDENTAL\b|\bPAROT\w*|\bLARYN\w*|\bTHYROID\w*|\bCAROTI\w*|\bPHARYN\w*/,
  // the limbs
  /\bKNEES?\b|\bKNIE(GELENK\w*|GEWRICHT\w*)?\b|\bGENOUX?\b|\bRODILLAS?\b|\bGINOCCHI\w*|\bJOELHOS?\b|\bMENIS\w*|\bPATELL\w*/,
  /\bHIPS?\b|\bHUEFT\w*|\bHUFT\w*|\bHANCHES?\b|\bCADERAS?\b|\bANCA\b|\bQUADRI(L|S)\b|\bHEUP\w*|\bCOXO\w*|\bCOXA\w*/,
  /\bSHOULDERS?\b|\bSCHULTER\w*|\bEPAULES?\b|\bHOMBROS?\b|\bSPALLA\b|\bSPALLE\b|\bOMBROS?\b|\bSCHOUDER\w*|\bSCAPUL\w*|\bCLAVIC\w*|\bSTERN(UM|O\w*)\b|\bHUMER\w*/,
  /\bANKLES?\b|\bSPRUNGGEL\w*|\bOSG\b|\bCHEVILLES?\b|\bTOBILLOS?\b|\bCAVIGLI\w*|\bTORNOZELOS?\b|\bENKEL(S|GEWRICHT\w*)?\b|\bFOOT\b|\bFEET\b|\bFUSS(WURZEL|GELENK)?\b|\bFUESSE\b|\bPIEDS?\b|\bPIES?\b|\bPIEDE\b|\bPIEDI\b|\bVOET\w*|\bTOES?\b|\bFOREFOOT\b|\bVORFUSS\b|\bHINDFOOT\b|\bCALCANE\w*|\bTARS(US|AL|O)\w*|\bACHILL\w*/,
  /\bWRISTS?\b|\bHANDGEL\w*|\bPOIGNETS?\b|\bMUNECAS?\b|\bPOLS\b|\bPOLSO\b|\bPOLSI\b|\bPUNHOS?\b|\bHANDS?\b|\bHAND\w*WORTEL\w*|\bMANOS?\b|\bMAOS?\b|\bMANI\b|\bIRM MAINS?\b|\bMAINS? (D|G|DTE|DROITE|GAUCHE)\b|\bFINGERS?\b|\bTHUMBS?\b|\bDAUMEN\b|\bCARP(US|AL|O|ALES?)\b|\bVINGERS?\b/,
  /\bELBOWS?\b|\bELLENBOGEN\w*|\bELLBOGEN\w*|\bCOUDES?\b|\bCODOS?\b|\bGOMIT\w*|\bCOTOVELOS?\b|\bELLEBOOG\b|\bFOREARMS?\b|\bUNTERARM\w*|\bOBERARM\w*|\bARMS?\b|\bAVANT BRAS\b|\bBRAS\b|\bBRAZOS?\b|\bBRACCIO\b|\bBRACO\b|\bUPPER (LIMB|EXTREM\w*)|\bPLEXUS BRACH\w*|\bBRACHIAL\w*/,
  /\bTHIGHS?\b|\bFEMUR\w*|\bFEMOR\w*|\bOBERSCHENKEL\w*|\bUNTERSCHENKEL\w*|\bCUISSES?\b|\bMUSLOS?\b|\bCOSCIA\b|\bCOXAS\b|\bDIJ(BEEN)?\b|\bTIBIA\w*|\bFIBUL\w*|\bCAL(F|VES)\b|\bMOLLETS?\b|\bJAMBES?\b|\bPIERNAS?\b|\bGAMBA\b|\bPERNAS?\b|\bLEGS?\b|\bBEINE?\b|\bONDERBEEN\b|\bLOWER (LIMB|EXTREM\w*)|\bEXTREMIT\w*|\bEXTREMID\w*/,
  // the organs that MR is made of
  /\bBREASTS?\b|\bMAMM(A|AE|AL|ARY|AIRES?|ARIA|O|OGR\w*|ELLA)\b|\bSEINS?\b|\bMAMAS?\b|\bSENO\b|\bMAMELLA\b/,
  /\bHEART\b|\bCARDI(AC|ACO|ACA|AQUES?|O\w*)\b|\bKARDIO\w*|\bHERZ\w*|\bCOEUR\b|\bCORAZON\b|\bCUORE\b|\bCORACAO\b|\bHART\b|\bCHEST\b|\bLUNGS?\b|\bLUNGE\w*|\bPOUMONS?\b|\bPULMO\w*|\bPOLMON\w*|\bRIBS?\b|\bRIPPEN?\b|\bMEDIASTIN\w*/,
  /\bPROSTAT\w*|\bRECT(UM|AL|O|ALE|UMS)\b|\bREKTUM\b|\bRETTO\b|\bRETO\b|\bANUS\b|\bANAL\b|\bFISTULA\w*|\bFISTEL\w*|\bUTER(US|O|INE?)\b|\bGEBAERM\w*|\bENDOMETR\w*|\bOVAR\w*|\bADNEX\w*|\bVAGIN\w*|\bBLADDER\b|\bHARNBLASE\b|\bVESSIE\b|\bVEJIGA\b|\bVESCICA\b|\bBEXIGA\b|\bBLAAS\b|\bSCROT\w*|\bTESTI[CS]\w*|\bPENIS\b|\bFETAL\b|\bFETUS\b|\bFOET\w*|\bPLACENTA\b|\bENTEROGR\w*|\bBOWEL\b|\bSTOMACH\b|\bSPLEEN\b|\bADRENAL\w*|\bINGUIN\w*|\bGROIN\b|\bSYMPHYS\w*/,
];

/** Region words in a text that `wordsOf` has written; `alsoElsewhere` when it names other parts beside the lumbar spine. */
export function regionIn(words: string): { region: NamedRegion; alsoElsewhere: boolean } | null {
  const said = BESIDE_THE_POINT.reduce((text, pattern) => text.replace(pattern, ' '), words);
  const has = (patterns: readonly RegExp[]) => patterns.some((pattern) => pattern.test(said));
  const isOther = has(OTHER);
  if (has(LUMBAR)) return { region: 'LUMBAR', alsoElsewhere: isOther };
  if (has(TRUNK)) return { region: 'TRUNK', alsoElsewhere: isOther };
  return isOther ? { region: 'OTHER', alsoElsewhere: false } : null;
}
