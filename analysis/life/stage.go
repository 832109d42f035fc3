package life

// Stage is a part of a life, as pictures show it.
type Stage uint8

// The stages, in the order in which most lives pass them.
const (
	StageAsked   = Stage(asked)   // on the way to being ready
	StagePended  = Stage(pended)  // its making pends
	StageReady   = Stage(ready)   // it can be used
	StageClosing = Stage(closing) // it goes
	StageEnded   = Stage(ended)   // it is gone
	StageFailed  = Stage(failed)  // it was refused or could not be made
)

// StageOf is the stage that a state of the replay means, as its String tells it.
func StageOf(state string) Stage { return Stage(phaseOf(state)) }
