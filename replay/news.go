package replay

// News calls tell for the findings made since the one of the given number, in the order in
// which they were made, and returns the number for the next call; the first one passes 0.
// It is for those who watch a trace that is still growing. What it tells is provisional:
// rows to come may show that a finding was none or only a suspicion, and what is due and
// missing is found at the end. The Finding must not be kept.
func (c *Checker) News(since int, tell func(*Finding)) int {
	for _, f := range c.findings[since:] {
		if !f.dropped {
			tell(&f.Finding)
		}
	}
	return len(c.findings)
}
