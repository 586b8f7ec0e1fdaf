import sys,time; import numpy as np
from mcpump.deck import deck_from_dict
from mcpump.problem import make_problem
from mcpump.simulate import _walk
from mcpump.observables import Unpacker
from mcpump import theory
def deck(kind="spiral", qell=1., Om=0.1, tau_sf="none", d=3, J=0.01, theta=1.0, blocks=32, wpb=2048, cells=32, si="auto", ff="auto", seed=1, ellip=1.0, harmonics=2):
    L=2*np.pi/qell
    tex=dict(kind=kind,cone_angle=theta,angular_frequency=Om,ellipticity=ellip)
    if kind=="spiral": tex["wavenumber"]=qell
    else: tex.update(wavenumber=qell,mean=1.0,depth=0.7,phase=0.3)
    return {"units":"reduced","electrons":dict(dimension=d,exchange=J,spin_relaxation_time=tau_sf),
      "sample":{"x":dict(length=L,cells=cells,left="periodic",right="periodic")},"texture":tex,
      "results":dict(channels=["first","second"],harmonics=harmonics,planes=[]),
      "run":dict(walkers=blocks*wpb,walkers_per_block=wpb,seed=seed,score_interval=si,first_flights=ff)}
def compare(**k):
    blocks=k.get("blocks",32)
    p=make_problem(deck_from_dict(deck(**k),"t")); m=p.model
    med=theory.Medium.reduced(p.exchange,tau_sf=1/m.gamma_sf if m.gamma_sf else np.inf,dimension=m.dimension)
    env=((0,1.),) if m.envelope==0 else tuple((s*m.envelope_parameters[2],c) for s,c in ((0,m.envelope_parameters[0]),(1,.5*m.envelope_parameters[1]*np.exp(1j*m.envelope_parameters[3])),(-1,.5*m.envelope_parameters[1]*np.exp(-1j*m.envelope_parameters[3]))))
    waves=theory.texture_waves(m.C,m.P,m.Q,m.q,m.Omega,env)
    un=Unpacker(p); edges=np.linspace(0,m.length,m.cells+1)
    t=time.time(); data=[]; fl=0
    for b,s in _walk(p,range(blocks),2):
        data.append(np.moveaxis(un(s.profiles,""),(3,),(0,))); fl+=s.flights   # kind,ch,h,c,cell
    data=np.array(data); dt=time.time()-t
    print(k, "t_max",round(m.t_max,1),"flights/walker",fl/blocks/m.walkers_per_block,"time %.1f"%dt, "si",m.score_interval,"ff",m.first_flights)
    for ich,ch in enumerate(("first","second")):
        sol=theory.exact_solution(waves,med,ch)
        for q,part,ik in (("density","local",0),("flux","local",1),("torque","local",2),("density","diffusive",3),("flux","diffusive",4)):
            E=np.nan_to_num(theory.cell_averages(getattr(sol,q)[part],edges,m.Omega,2))
            if part=="diffusive" and q=="density" and not m.gamma_sf: E=E-E.mean(axis=-1,keepdims=True)
            for hs,name in ((slice(0,1),"dc"),(slice(1,3),"1"),(slice(3,5),"2")):
                e=E[hs]; nn=(e*e).sum()
                if nn<1e-26: 
                    continue
                r=(data[:,ik,ich,hs]*e).sum(axis=(1,2,3))/nn
                se=r.std(ddof=1)/np.sqrt(len(r))
                flag="" if abs(r.mean()-1)<4*se else "  <<<<<<<<"
                print(f"   {ch:7s}{part:10s}{q:8s}{name:3s} {r.mean():9.5f} ± {se:8.5f}  amp {np.sqrt(nn/m.cells):.3e}{flag}")
if __name__=="__main__":
    compare(qell=1.)
    compare(qell=1.,kind="modulated",tau_sf=20.)
    compare(qell=5.,Om=0.3,d=2)
    compare(qell=20.,Om=0.3,kind="modulated",d=3)
    compare(qell=.3,Om=0.01,d=1,kind="modulated",tau_sf=50.)
