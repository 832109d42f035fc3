package ndis

// Status is an NDIS_STATUS. Success means exactly StatusSuccess: several codes that are
// not negative as signed numbers are failures or PENDING here.
type Status uint32
