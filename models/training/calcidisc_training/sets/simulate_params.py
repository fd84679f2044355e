"""Every number of the simulation, in millimetres and in shares of the image's own signal. Copied into the cards.

Set on patients of the training split by physical reasoning and by looking at them; not changed after results on
the held-out patients were seen. Ranges are (low, high), drawn evenly unless said otherwise.
"""

SIMULATION = dict(
    version='1',
    region=dict(
        marginMm=(9.0, 11.0),              # the contract's 10, and a site's setting beside it
        jitterMm=1.0,                      # standard deviation per side: the localiser's error
    ),
    blurPx=(0.35, 0.75),                   # point spread on what is painted, source pixels (0.47 mm)
    herniation=dict(
        share=0.90,                        # the same with and without calcification: a bulge alone tells nothing
        depthMm=(3.5, 9.0),
        depthOfCanal=0.75,                 # never more than this share of the canal
        halfHeightMm=(2.5, 6.5),
        offsetMm=2.0,                      # standard deviation along the spine
        slant=0.45,                        # standard deviation of the shift along the spine per mm of depth
        signalOfBone=(0.45, 1.00),         # of the vertebral marrow: from fibrous to well hydrated
        texture=0.10,                      # standard deviation, share of its signal
        rimShare=0.6, rimDepth=(0.3, 0.7),
    ),
    calcification=dict(
        inHerniation=0.95,                 # of those with a herniation; the rest lies in the posterior annulus
        annulusDepthMm=(0.3, 5.0),         # in front of the disc's posterior edge
        kinds=dict(granular=0.45, patchy=0.35, rim=0.20),
        lengthMm=(2.5, 14.0),              # long axis of the affected area, drawn log-evenly: down to none visible
        flatness=(0.6, 1.0),
        grainRadiusMm=(0.5, 1.4),
        grainsPerMm2=(0.5, 1.1),
        patchScaleMm=(0.5, 1.2),
        rimThicknessMm=(1.0, 2.2),
        density=(0.7, 1.0),               # share of signal lost at a grain's centre (partial volume through the slice)
        signalOfBone=(0.02, 0.12),         # what a fully calcified pixel still gives
    ),
    confounders=dict(                      # drawn alike with and without calcification
        fibrous=dict(share=0.25, radiusMm=(1.0, 2.4), darkening=(0.15, 0.40), count=(1, 2)),
        gasCleft=dict(share=0.18, thicknessMm=(0.6, 2.0), endsMmBeforePosterior=(1.5, 12.0), darkening=(0.6, 1.0)),
        darkDisc=dict(share=0.30, darkening=(0.2, 0.65)),
        vessels=dict(share=0.30, count=(1, 3), radiusMm=(0.4, 1.3), darkening=(0.4, 1.0)),
        sclerosis=dict(share=0.30, depthMm=(1.5, 6.0), darkening=(0.25, 0.7)),
        ligament=dict(share=0.30, thicknessMm=(0.4, 1.0), darkening=(0.35, 0.8)),
        corner=dict(share=0.12, radiusMm=(0.8, 2.2), darkening=(0.4, 0.9)),
    ),
    trainingVariety=dict(                  # training patients only; mild, and not what the external site does
        gamma=(0.85, 1.2), biasField=0.08, noiseOfBone=(0.0, 0.04), blurPx=(0.0, 0.7),
        greyLow=0.02, greyHigh=0.12,       # standard deviations of black and white, shares of the range
    ),
    externalSite=dict(
        kSpaceKept=(0.55, 0.75),           # coarser sampling (0.63-0.85 mm), zero-filled back, with its ringing
        gamma=(1.15, 1.45),                # a harder contrast
        biasField=0.25,                    # peak-to-peak share of a smooth field: surface coils
        noiseOfBone=(0.04, 0.08),          # added Rician noise, share of the bone's signal
        sharpening=(0.5, 1.0), sharpeningPx=1.2,
    ),
)
