package demo

import "strings"

// person is somebody at Acme as an identity provider knows them.
type person struct {
	given, family string
	login         string // userName and e-mail address
	title         string
	manager       string // login; "" for none
	country       string // of the work address; "" for none
	id            string // SCIM id, known after the first push
}

func (p *person) name() string { return p.given + " " + p.family }

// short is the login without its domain.
func (p *person) short() string { return local(p.login) }

func local(login string) string {
	before, _, _ := strings.Cut(login, "@")
	return before
}

// cast is everybody at Acme. Most are in Okta; the support team that came with an
// acquisition is still in Entra.
type cast struct {
	ida, mara, samir, kim, lee, ana, paul, jo, rosa, noor *person // Okta
	chloe, ben, dina                                      *person // Entra
}

func newCast() *cast {
	p := func(given, family, title, manager string) *person {
		login := strings.ToLower(given + "." + family + "@acme.example")
		if manager != "" {
			manager += "@acme.example"
		}
		return &person{given: given, family: family, login: login, title: title, manager: manager}
	}
	c := &cast{
		ida:   p("Ida", "Torres", "IT administrator", ""),
		mara:  p("Mara", "Lind", "Head of support", ""),
		samir: p("Samir", "Haddad", "Head of sales", ""),
		kim:   p("Kim", "Sato", "Support agent", "mara.lind"),
		lee:   p("Lee", "Novak", "Support agent", "mara.lind"),
		ana:   p("Ana", "Costa", "Support agent", ""),
		paul:  p("Paul", "Berg", "Account executive", "samir.haddad"),
		jo:    p("Jo", "Keller", "Account executive", "samir.haddad"),
		rosa:  p("Rosa", "Vidal", "Account executive", "samir.haddad"),
		noor:  p("Noor", "Aziz", "Support agent", "mara.lind"),
		chloe: p("Chloe", "Martin", "Agent", ""),
		ben:   p("Ben", "Okafor", "Agent", ""),
		dina:  p("Dina", "Ray", "Team lead", ""),
	}
	c.chloe.given, c.chloe.country = "Chloé", "FR"
	c.ben.country, c.dina.country = "GB", "GB"
	return c
}

// all lists the cast in the order in which people read them.
func (c *cast) all() []*person {
	return []*person{c.ida, c.mara, c.samir, c.kim, c.lee, c.ana, c.paul, c.jo, c.rosa, c.noor, c.dina, c.chloe, c.ben}
}

func logins(people []*person) string {
	out := make([]string, len(people))
	for i, p := range people {
		out[i] = p.short()
	}
	return strings.Join(out, ", ")
}
