package ministack

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// keyPair is a public key that servers can be given.
type keyPair struct {
	name, public, fingerprint string
	owner                     *user
	created                   time.Time
}

func (c *Cloud) keyPairOf(of *user, name string) *keyPair {
	for _, k := range c.keyPairs {
		if k.owner == of && k.name == name {
			return k
		}
	}
	return nil
}

func viewKeyPair(r *request, k *keyPair) object {
	view := object{"name": k.name, "public_key": k.public, "fingerprint": k.fingerprint}
	if r.micro >= 2 {
		view["type"] = "ssh"
	}
	return view
}

func (c *Cloud) listKeyPairs(r *request) answer {
	out := []object{}
	for _, k := range c.keyPairs {
		if k.owner == r.token.user {
			out = append(out, object{"keypair": viewKeyPair(r, k)})
		}
	}
	return ok(object{"keypairs": out})
}

func (c *Cloud) showKeyPair(r *request) answer {
	k := c.keyPairOf(r.token.user, r.PathValue("name"))
	if k == nil {
		return noKeyPair(r)
	}
	view := viewKeyPair(r, k)
	view["user_id"], view["created_at"], view["deleted"], view["id"] = k.owner.id, micros(k.created), false, 1
	view["deleted_at"], view["updated_at"] = nil, nil
	return ok(object{"keypair": view})
}

func noKeyPair(r *request) answer {
	return notFound("Keypair " + r.PathValue("name") + " not found for user " + r.token.user.id)
}

func (c *Cloud) createKeyPair(r *request) answer {
	var in struct {
		Keypair *struct {
			Name   string
			Public string `json:"public_key"`
		}
	}
	if err := r.decode(&in); err != nil || in.Keypair == nil || in.Keypair.Name == "" {
		return badRequest("'keypair' is a required property")
	}
	if c.keyPairOf(r.token.user, in.Keypair.Name) != nil {
		return conflict("Key pair '" + in.Keypair.Name + "' already exists.")
	}
	if len(strings.Fields(in.Keypair.Public)) < 2 {
		return badRequest("Keypair data is invalid: failed to generate fingerprint")
	}
	k := &keyPair{name: in.Keypair.Name, public: in.Keypair.Public, fingerprint: c.newHex(), owner: r.token.user, created: c.Now()}
	c.keyPairs = append(c.keyPairs, k)
	view := viewKeyPair(r, k)
	view["user_id"] = k.owner.id
	status := http.StatusOK
	if r.micro >= 2 {
		status = http.StatusCreated
	}
	return respond(status, object{"keypair": view})
}

func (c *Cloud) deleteKeyPair(r *request) answer {
	k := c.keyPairOf(r.token.user, r.PathValue("name"))
	if k == nil {
		return noKeyPair(r)
	}
	c.keyPairs = slices.DeleteFunc(c.keyPairs, func(other *keyPair) bool { return other == k })
	if r.micro >= 2 {
		return empty(http.StatusNoContent)
	}
	return empty(http.StatusAccepted)
}
