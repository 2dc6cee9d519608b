package schema

import "encoding/json"

// MarshalJSON writes the attribute as a /Schemas document describes it (RFC 7643 section 7).
func (a *Attribute) MarshalJSON() ([]byte, error) {
	d := attributeDocument{
		Name: a.Name, Type: a.Type, MultiValued: a.Multi, Description: a.Description, Required: a.Required,
		CanonicalValues: a.Canonical, Mutability: a.Mutability, Returned: a.Returned,
		ReferenceTypes: a.References, SubAttributes: a.Sub,
	}
	if a.Type != Complex && a.Type != Boolean {
		d.CaseExact, d.Uniqueness = &a.CaseExact, a.Uniqueness
	}
	return json.Marshal(d)
}

type attributeDocument struct {
	Name            string       `json:"name"`
	Type            Type         `json:"type"`
	MultiValued     bool         `json:"multiValued"`
	Description     string       `json:"description"`
	Required        bool         `json:"required"`
	CanonicalValues []string     `json:"canonicalValues,omitempty"`
	CaseExact       *bool        `json:"caseExact,omitempty"`
	Mutability      Mutability   `json:"mutability"`
	Returned        string       `json:"returned"`
	Uniqueness      string       `json:"uniqueness,omitempty"`
	ReferenceTypes  []string     `json:"referenceTypes,omitempty"`
	SubAttributes   []*Attribute `json:"subAttributes,omitempty"`
}
